"""`mda.load`: from a name or a file to a predictor."""

import difflib
import os
from importlib import resources
from pathlib import Path

import torch

from mda.errors import CheckpointError, ConfigError
from mda.inference.predictor import Predictor
from mda.models.adapters import strip_wrappers
from mda.models.checkpoints import read_state_dict
from mda.models.loading import load_network
from mda.models.presets import PRESETS, HubFile, Preset, guess_preset

_WEIGHTS_SUFFIXES = frozenset({".safetensors", ".ckpt", ".pt", ".pth", ".bin"})


def load(
    name_or_path: str | Path = "mda_mini",
    *,
    checkpoint: str | Path | None = None,
    device: torch.device | str | None = None,
) -> Predictor:
    """A predictor that is ready to use.

    Args:
        name_or_path: a model that `mda models` lists, its repository on the Hugging Face Hub, or a weights file whose
            model is told from its content.
        checkpoint: weights file for the named model; by default those shipped with the package, or those that lie where
            `find_weights` looks.
        device: where to compute; by default CUDA if there is any, else Apple's MPS, else the CPU.

    Raises:
        ConfigError: there is no such model or device.
        CheckpointError: the weights are not on this machine, damaged, or of another model.
    """
    device = checked_device(device) if device is not None else best_device()
    file = Path(name_or_path).expanduser()
    if str(name_or_path) not in PRESETS and (file.is_file() or file.suffix in _WEIGHTS_SUFFIXES):
        if checkpoint is not None:
            message = (
                f"{file} and {checkpoint} are both weights files; give a model name and one file, or one file alone."
            )
            raise ConfigError(message)
        preset, weights = _preset_of_file(file), file
    else:
        preset = _preset_named(str(name_or_path))
        weights = Path(checkpoint).expanduser() if checkpoint is not None else find_weights(preset)
    if weights is None:
        raise CheckpointError(where_to_get(preset))
    return Predictor(network=load_network(preset, weights, device), preset=preset, device=device, weights=weights)


def best_device() -> torch.device:
    """CUDA if there is any, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def checked_device(device: torch.device | str) -> torch.device:
    """The device of that name.

    Raises:
        ConfigError: there is no such device in this machine, or torch cannot use it.
    """
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        message = f"There is no device {str(device)!r}; use cpu, cuda, cuda:1 or mps."
        raise ConfigError(message) from error
    usable = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (chosen.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not usable.get(chosen.type, False):
        message = (
            f"The device {str(device)!r} is not usable here (by torch {torch.__version__}); "
            f"leave --device out to get {best_device()}."
        )
        raise ConfigError(message)
    return chosen


def find_weights(preset: Preset) -> Path | None:
    """The weights file of a model on this machine, or None.

    In order: shipped with the package; `checkpoints/<repository>/<file>` below the current folder, as the published
    release lays it out; the cache of the Hugging Face Hub (`$HF_HUB_CACHE`, `$HF_HOME/hub`, or
    `~/.cache/huggingface/hub`).
    """
    shipped = resources.files("mda.models.mini").joinpath(f"{preset.name}.safetensors")
    if isinstance(shipped, Path) and shipped.is_file():
        return shipped
    if preset.source is None:
        return None
    local = local_place(preset.source)
    if local.is_file():
        return local
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    found = sorted(cache.glob(f"models--{preset.source.repo.replace('/', '--')}/snapshots/*/{preset.source.file}"))
    return found[-1] if found else None


def where_to_get(preset: Preset) -> str:
    """What to tell somebody who asks for a model whose weights are not on this machine."""
    source = preset.source
    if source is None:
        return (
            f"There are no weights of {preset.name} in this installation; install mda again if they should be, "
            "or pass your own with --checkpoint FILE."
        )
    terms = "" if preset.commercial else ": not for commercial use"
    return (
        f"The weights of {preset.name} are not on this machine. Get {source.file} from "
        f"https://huggingface.co/{source.repo} (licence {preset.licence_weights}{terms}) "
        f'and pass it as --checkpoint FILE, in Python as mda.load("{preset.name}", checkpoint=FILE); '
        f"or put it at {local_place(source)}, where it is found by itself."
    )


def local_place(source: HubFile) -> Path:
    """Where a published weights file is looked for below the current folder."""
    return Path("checkpoints") / source.repo.split("/")[-1] / source.file


def _preset_named(name: str) -> Preset:
    """The preset of a name or of a repository on the Hub."""
    if name in PRESETS:
        return PRESETS[name]
    for preset in PRESETS.values():
        if preset.source is not None and preset.source.repo.casefold() == name.casefold():
            return preset
    close = difflib.get_close_matches(name.lower(), PRESETS, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    message = f"There is no model or weights file {name!r}.{hint} Models: {', '.join(PRESETS)} (see `mda models`)."
    raise ConfigError(message)


def _preset_of_file(file: Path) -> Preset:
    """The preset that a weights file belongs to."""
    preset = guess_preset(strip_wrappers(read_state_dict(file)))
    if preset is None:
        message = (
            f"{file} does not look like the weights of any model known here; "
            "if it is, name the model: --model NAME --checkpoint FILE."
        )
        raise CheckpointError(message)
    return preset
