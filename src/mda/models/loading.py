"""From a weights file to a network that is ready to use, and from a plain network to the start of a mixture network."""

from collections.abc import Mapping
from pathlib import Path

import torch

from mda.errors import CheckpointError
from mda.models.adapters import Scheme, StateDict, load_strictly, published_shapes, strip_wrappers, to_published
from mda.models.checkpoints import read_metadata, read_state_dict
from mda.models.network import DepthNetwork
from mda.models.presets import PRESETS, Preset, guess_by_shapes, guess_preset
from mda.models.remains import promised_shapes
from mda.models.variants import Variant, varied
from mda.shapes import Tensor

_NOISE = 0.1
_SEED = 0
_EXPERT = "scratch.output_conv2"
# Where our own safetensors files name their preset.
PRESET_KEY = "preset"
# And how its mixture differs from the preset's, see `Variant`.
VARIANT_KEY = "variant"
# Published names of the plain head and of the mixture head that starts from it.
PLAIN_HEADS = {Scheme.DA3: ("head.", "head_mog."), Scheme.VGGT: ("depth_head.", "depth_head_mog.")}


def load_network(preset: Preset, path: str | Path, device: torch.device | str = "cpu") -> DepthNetwork:
    """The network of a preset with weights from a file, in evaluation mode.

    The network is built without memory and takes the tensors of the file over, so there is never a second copy.

    Raises:
        CheckpointError: the file cannot be read, or does not fit; the message says what it looks like instead.
    """
    network = preset.build("meta")
    state = read_weights(path)
    load_strictly(network, state, preset.scheme, source=str(path), hint=lambda found: remedy(preset, found))
    return network.eval().to(device)


def read_weights(path: str | Path) -> StateDict:
    """Tensors of a weights file, see `read_state_dict`; of a cut file, the error says which network it was.

    Raises:
        CheckpointError: the file is missing, truncated, damaged, or of another kind.
    """
    try:
        return read_state_dict(path)
    except CheckpointError as error:
        guess = _guess_of_beginning(Path(path))
        if guess is None:
            raise
        message = f"{error} Its beginning looks like the weights of {guess.name}."
        raise CheckpointError(message) from error


def _guess_of_beginning(path: Path) -> Preset | None:
    """The preset that a file which cannot be read was going to hold, or None."""
    try:
        return guess_by_shapes(strip_wrappers(promised_shapes(path)))
    except CheckpointError:
        return None  # names that nobody writes; the file's own error says enough


def preset_of_file(path: str | Path) -> Preset:
    """The preset that a weights file belongs to, from what it says about itself or else from its content.

    Raises:
        CheckpointError: the file cannot be read, or is like none of the networks known here.
    """
    metadata = read_metadata(path)
    named = PRESETS.get(metadata.get(PRESET_KEY, ""))
    if named is not None and VARIANT_KEY in metadata:
        return varied(named, Variant.from_json(metadata[VARIANT_KEY], str(path)))
    preset = named or guess_preset(strip_wrappers(read_weights(path)))
    if preset is None:
        message = (
            f"{path} does not look like the weights of any model known here; "
            "if it is, name the model: --model NAME --checkpoint FILE."
        )
        raise CheckpointError(message)
    return preset


def remedy(preset: Preset, state: Mapping[str, Tensor]) -> str:
    """What to do with weights that do not fit a preset."""
    guess = guess_preset(state)
    if guess is None:
        return f"It is like none of the networks known here; {preset.name} needs the file of its own release."
    # Presets may share an architecture and differ in their weights alone.
    if guess.make == preset.make:
        return f"It is nearly {preset.name}: the file seems to be incomplete or changed. Fetch it again."
    return f"It looks like the weights of {guess.name}, not {preset.name}; load it under that name."


def mixture_from_plain(network: DepthNetwork, plain: Mapping[str, Tensor], scheme: Scheme = Scheme.DA3) -> None:
    """Start a mixture network from the published weights of the plain network on the same backbone.

    Everything that the network has of the plain one is taken over, with Depth Anything 3 its own head too. The mixture
    head gets a copy of the plain head's trunk; each component's convolutions start from the plain head's plus noise,
    N(0, 1) times 0.1 of their mean absolute value, from a generator of seed 0; in the last one depth and confidence are
    copied so, and the weight logit starts at random, as does the sky branch (published recipe). Noise is drawn in the
    order of `plain`, so that of its file matters: by name for safetensors, else as saved (see `read_state_dict`).

    Args:
        network: with a `mixture_head`; changed in place.
        plain: state dict of the plain network under published names, possibly with wrappers.
        scheme: naming of both, `DA3` or `VGGT`.

    Raises:
        CheckpointError: the plain weights do not fit.
    """
    head, mixture = PLAIN_HEADS[scheme]
    plain = strip_wrappers(plain)
    shapes = published_shapes(network, scheme)
    fresh = to_published(network.state_dict(), scheme)
    start = {name: tensor for name, tensor in fresh.items() if name.startswith(mixture)}
    for name, tensor in plain.items():
        twin = mixture + name.removeprefix(head) if name.startswith(head) else ""
        if shapes.get(twin) == tuple(tensor.shape):
            start[twin] = tensor.clone()
    start.update(_noisy_components(plain, start, scheme))
    if not any(name.startswith(head) for name in shapes):
        plain = {name: tensor for name, tensor in plain.items() if not name.startswith(head)}
    load_strictly(network, {**plain, **start}, scheme, source="the plain network")


def _noisy_components(plain: Mapping[str, Tensor], start: Mapping[str, Tensor], scheme: Scheme) -> dict[str, Tensor]:
    """First weights of the components' branches, under published names."""
    generator = torch.Generator().manual_seed(_SEED)
    suffixes = ["", *(f"_{index}" for index in range(2, 9))]
    result: dict[str, Tensor] = {}

    def noisy(tensor: Tensor) -> Tensor:
        noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
        return tensor + noise * (_NOISE * tensor.abs().mean())

    head, mixture = PLAIN_HEADS[scheme]
    for name in (key for key in plain if key.startswith(f"{head}{_EXPERT}.")):
        tensor = plain[name]
        for suffix in suffixes:
            target = f"{mixture}{_EXPERT}{suffix}.{name.removeprefix(f'{head}{_EXPERT}.')}"
            if target not in start:
                continue
            if start[target].shape == tensor.shape:
                result[target] = noisy(tensor)
                continue
            # Plain rows: depth, confidence. Component rows: depth, weight logit, confidence.
            rows = start[target].clone()
            rows[0], rows[2] = noisy(tensor[0]), noisy(tensor[1])
            if rows.ndim == 1:
                # A head of ours starts with equal weights; the release keeps the random bias of `nn.Conv2d`.
                bound = start[target.replace("bias", "weight")].shape[1] ** -0.5
                rows[1].uniform_(-bound, bound)
            result[target] = rows
    return result
