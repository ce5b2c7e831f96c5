"""Writing weights as safetensors under published names: a format that cannot hold code and opens at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file

from mda.errors import CheckpointError, ConfigError, OutputError
from mda.io.atomic import atomic_file, output_error
from mda.models.adapters import StateDict, fitted, shapes_of, to_published
from mda.models.checkpoints import read_metadata
from mda.models.loading import PRESET_KEY, VARIANT_KEY, preset_of_file, read_weights, remedy
from mda.models.presets import PRESETS, Preset
from mda.shapes import Tensor

_SUFFIX = ".safetensors"
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was written.

    Attributes:
        preset: the model that the weights belong to.
        tensors: number of tensors in the file.
        size: of the file in bytes.
    """

    preset: Preset
    tensors: int
    size: int


def convert_weights(
    source: str | Path, target: str | Path, *, preset: Preset | None = None, overwrite: bool = False
) -> Conversion:
    """Write the weights of any file that can be read as safetensors, under published names and in their own type.

    Args:
        source: weights file, see `read_weights`.
        target: file to write, with the ending .safetensors.
        preset: the model that the weights belong to; told from the file by default.
        overwrite: replace a `target` that is there already.

    Raises:
        ConfigError: the target has another ending, or is the source.
        CheckpointError: the source cannot be read, does not fit exactly, or could be one of several models.
        OutputError: the target is there already, or cannot be written.
    """
    source, target = Path(source), Path(target)
    if target.suffix != _SUFFIX:
        message = f"{target} must end in {_SUFFIX}, which is the format that is written."
        raise ConfigError(message)
    if target.exists() and not overwrite:
        message = f"{target} is there already. Choose another name, or replace it with --overwrite."
        raise OutputError(message)
    if target.exists() and source.exists() and target.samefile(source):
        message = f"{target} is the file to be converted. Choose another name for the result."
        raise ConfigError(message)
    state = read_weights(source)
    chosen = preset or _only_preset_of_file(source)
    ours = fitted(
        state,
        shapes_of(chosen.build("meta")),
        chosen.scheme,
        source=str(source),
        hint=lambda stripped: remedy(chosen, stripped),
    )
    tensors = write_weights(target, ours, chosen)
    return Conversion(preset=chosen, tensors=tensors, size=target.stat().st_size)


def write_weights(path: Path, state: Mapping[str, Tensor], preset: Preset) -> int:
    """Write weights under published names, with model and licence in the metadata; returns the number of tensors.

    Args:
        path: file to write; it appears whole or not at all.
        state: under our names.
        preset: the model that the weights belong to.

    Raises:
        OutputError: the file cannot be written.
    """
    published = _apart(to_published(state, preset.scheme))
    with atomic_file(path) as file:
        permissions = Path(file.name).stat().st_mode
        try:
            # By name, because safetensors writes large files itself without a copy in memory.
            save_file(published, file.name, metadata=metadata_of(preset))
            # It puts a new file in place, which only the owner could read.
            Path(file.name).chmod(permissions)
        except SafetensorError as error:
            # The library packs what the system said into a text of its own.
            number = _SYSTEM_ERROR.search(str(error))
            raise output_error(path, OSError(int(number[1]) if number else 0, str(error))) from error
    return len(published)


def metadata_of(preset: Preset) -> dict[str, str]:
    """What a safetensors file of a model says about itself."""
    metadata = {
        # Other readers look for this key.
        "format": "pt",
        PRESET_KEY: preset.name,
        "licence": preset.licence_weights or "unknown",
        "commercial": "yes" if preset.commercial else "no",
    }
    if preset.variant:
        metadata[VARIANT_KEY] = preset.variant
    if preset.source is not None:
        metadata["source"] = f"https://huggingface.co/{preset.source.repo}"
    return metadata


def _only_preset_of_file(file: Path) -> Preset:
    """The preset of a file, unless others of the same architecture could be meant."""
    preset = preset_of_file(file)
    if read_metadata(file).get(PRESET_KEY) == preset.name:
        return preset
    twins = [other.name for other in PRESETS.values() if other.make == preset.make]
    if len(twins) > 1:
        message = (
            f"{file} could be {' or '.join(twins)}: they differ in their weights alone, and perhaps in their licence. "
            "Say which one it is with --model NAME."
        )
        raise CheckpointError(message)
    return preset


def _apart(state: Mapping[str, Tensor]) -> StateDict:
    """The tensors in main memory, in order, none of them twice: safetensors refuses tensors that share memory."""
    seen: set[int] = set()
    result: StateDict = {}
    for name, tensor in state.items():
        plain = tensor.detach().cpu().contiguous()
        result[name] = plain.clone() if plain.data_ptr() in seen else plain
        seen.add(plain.data_ptr())
    return result
