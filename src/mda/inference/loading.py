"""`mda.load`: from a name or a file to a predictor."""

import difflib
import logging
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import torch

from mda.errors import CheckpointError, ConfigError, MissingExtraError
from mda.inference import hub
from mda.inference.predictor import Predictor
from mda.inference.publishing import CONFIG_FILE, WEIGHTS_FILE, read_config
from mda.models.loading import load_network, preset_of_file
from mda.models.presets import PRESETS, HubFile, Preset

_LOGGER = logging.getLogger(__name__)

_WEIGHTS_SUFFIXES = frozenset({".safetensors", ".ckpt", ".pt", ".pth", ".bin"})
# How a weights file of one's own is given to `mda predict` and the like.
_OPTION = "--checkpoint FILE"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that somebody asked for.

    Attributes:
        preset: what is known about it.
        weights: gives its weights file, which it may have to fetch first.
    """

    preset: Preset
    weights: Callable[[], Path]


def load(
    name_or_path: str | Path = "mda_mini",
    *,
    checkpoint: str | Path | None = None,
    device: torch.device | str | None = None,
    commercial: bool = False,
    recalibration: float | None = None,
) -> Predictor:
    """A predictor that is ready to use.

    Weights of a named model that are not on this machine are fetched from the Hugging Face Hub, if `huggingface_hub` is
    installed and `HF_HUB_OFFLINE` is not set.

    Args:
        name_or_path: a model that `mda models` lists, its repository on the Hub, a weights file whose model is told
            from its content, or a folder or repository written by `save_pretrained` or `push_to_hub`.
        checkpoint: weights file for the named model; by default those shipped with the package, or those that lie where
            `find_weights` looks.
        device: where to compute; by default CUDA if there is any, else Apple's MPS, else the CPU.
        commercial: refuse weights whose licence does not allow commercial use.
        recalibration: factor on the scales of all components, as `mda evaluate calibration` fits it; by default the
            model's own. `save_pretrained` keeps it.

    Raises:
        ConfigError: there is no such model or device, it may not be used commercially, or the factor is not above 0.
        CheckpointError: the weights are not on this machine and cannot be fetched, are damaged, or of another model.
    """
    device = checked_device(device) if device is not None else best_device()
    if checkpoint is not None and _names_weights_file(name_or_path):
        message = (
            f"{name_or_path} and {checkpoint} are both weights files; "
            "give a model name and one file, or one file alone."
        )
        raise ConfigError(message)
    model = find_model(name_or_path)
    if commercial:
        check_commercial(model.preset)
    preset = model.preset
    if recalibration is not None:
        if not 0 < recalibration < math.inf:
            message = f"A recalibration is a number above 0 (1 changes nothing), found {recalibration}."
            raise ConfigError(message)
        preset = replace(preset, recalibration=float(recalibration))
    weights = model.weights() if checkpoint is None else Path(checkpoint).expanduser()
    network = load_network(preset, weights, device)
    return Predictor(network=network, preset=preset, device=device, weights=weights)


def find_model(
    name_or_path: str | Path,
    *,
    update: bool = False,
    announce: Callable[[str], None] = _LOGGER.warning,
    option: str = _OPTION,
) -> Model:
    """The model of that name, repository, weights file or folder. Its weights are not touched yet.

    Args:
        name_or_path: see `load`.
        update: ask the Hub for the newest version even if there is one on this machine.
        announce: receives one line of size and licence before weights are fetched.
        option: how a file may be given instead, for the error where the weights of a named model are missing.

    Raises:
        ConfigError: there is none.
        CheckpointError: a file or configuration does not tell a model that is known here.
    """
    name, path = str(name_or_path), Path(name_or_path).expanduser()
    if _names_weights_file(name_or_path):
        return Model(preset=preset_of_file(path), weights=lambda: path)
    preset = PRESETS.get(name) or _preset_of_repository(name)
    if preset is not None:
        return Model(preset=preset, weights=lambda: _weights_of(preset, option, update=update, announce=announce))
    if path.is_dir():
        return _model_of_folder(path)
    if _REPOSITORY.fullmatch(name):
        return _model_of_repository(name, update=update, announce=announce)
    close = difflib.get_close_matches(name.lower(), PRESETS, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    message = f"There is no model or weights file {name!r}.{hint} Models: {', '.join(PRESETS)} (see `mda models`)."
    raise ConfigError(message)


def check_commercial(preset: Preset) -> None:
    """Refuse a model that may not be used commercially.

    Raises:
        ConfigError: the licence of its weights does not allow commercial use.
    """
    if not preset.commercial:
        message = (
            f"The weights of {preset.name} are under {preset.licence_weights}, which does not allow commercial use. "
            "`mda models --commercial` lists those that do."
        )
        raise ConfigError(message)


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

    In order: shipped with the package; below the current folder, as the published release lays it out, that is
    `checkpoints/<repository>/<file>`, for VGGT-1B also `checkpoints/vggt_1b_model.pt`; the cache of the Hugging Face
    Hub (`$HF_HUB_CACHE`, `$HF_HOME/hub`, or `~/.cache/huggingface/hub`).
    """
    shipped = resources.files("mda.models.mini").joinpath(f"{preset.name}.safetensors")
    if isinstance(shipped, Path) and shipped.is_file():
        return shipped
    if preset.source is None:
        return None
    places = [local_place(preset.source)]
    if preset.source.release_name is not None:
        places.append(Path("checkpoints") / preset.source.release_name)
    return next((place for place in places if place.is_file()), None) or hub.cached(preset.source)


def where_to_get(preset: Preset, option: str = _OPTION) -> str:
    """What to tell somebody who asks for a model whose weights are not on this machine; `option` gives a file."""
    source = preset.source
    if source is None:
        return (
            f"There are no weights of {preset.name} in this installation; install mda again if they should be, "
            f"or pass your own with {option}."
        )
    in_python = f', in Python as mda.load("{preset.name}", checkpoint=FILE)' if option == _OPTION else ""
    terms = "" if preset.commercial else ": not for commercial use"
    return (
        f"The weights of {preset.name} are not on this machine. Get {source.file} from "
        f"https://huggingface.co/{source.repo} (licence {preset.licence_weights}{terms}) "
        f"and pass it as {option}{in_python}; "
        f"or put it at {local_place(source)}, where it is found by itself. "
        f"On a machine with a connection, `mda download {preset.name}` fetches it, or "
        f"`hf download {source.repo} {source.file} --local-dir {local_place(source).parent}`."
    )


def local_place(source: HubFile) -> Path:
    """Where a published weights file is looked for below the current folder."""
    return Path("checkpoints") / source.repo.split("/")[-1] / source.file


def _names_weights_file(name_or_path: str | Path) -> bool:
    """Whether what was asked for is a weights file, there or not."""
    path = Path(name_or_path).expanduser()
    return str(name_or_path) not in PRESETS and (
        path.is_file() or (path.suffix in _WEIGHTS_SUFFIXES and not path.is_dir())
    )


def _preset_of_repository(name: str) -> Preset | None:
    """The preset whose published weights are in a repository, or None."""
    for preset in PRESETS.values():
        if preset.source is not None and preset.source.repo.casefold() == name.casefold():
            return preset
    return None


def _weights_of(preset: Preset, option: str, *, update: bool, announce: Callable[[str], None]) -> Path:
    """The weights file of a preset, from this machine or else from the Hub."""
    found = find_weights(preset)
    if found is not None and (preset.source is None or not update):
        return found
    remedy = where_to_get(preset, option)
    if preset.source is None:
        raise CheckpointError(remedy)
    return _fetched(preset.source, remedy, announce=_notice(preset, preset.source, announce))


def _fetched(
    file: HubFile, remedy: str, *, revision: str = "main", announce: Callable[[str], None] = lambda _: None
) -> Path:
    """A file from the Hub; see `hub.fetch`. Without its library, the remedy names that too."""
    try:
        return hub.fetch(file, remedy=remedy, revision=revision, announce=announce)
    except MissingExtraError as error:
        message = f'{remedy} To let mda fetch it by itself: pip install "mda[hub]"'
        raise CheckpointError(message) from error


def _notice(preset: Preset, file: HubFile, announce: Callable[[str], None]) -> Callable[[str], None]:
    """What to do with the size of a file that is about to be fetched: announce it with the licence."""
    terms = f"licence {preset.licence_weights or 'unknown'}{'' if preset.commercial else ', not for commercial use'}"
    return lambda size: announce(f"Fetching {file.file} of {file.repo} ({size}; {terms}) from {hub.endpoint()}.")


def _model_of_folder(folder: Path) -> Model:
    """The model that `save_pretrained` wrote."""
    config = folder / CONFIG_FILE
    if not config.is_file():
        message = f"The folder {folder} holds no {CONFIG_FILE}; expected one that was written by save_pretrained."
        raise ConfigError(message)
    return Model(preset=read_config(config), weights=lambda: folder / WEIGHTS_FILE)


def _model_of_repository(repo: str, *, update: bool, announce: Callable[[str], None]) -> Model:
    """The model that `push_to_hub` wrote. What is in the cache is used without asking the Hub."""
    remedy = (
        f"There is no model or weights file {repo!r} on this machine (see `mda models`). On a machine with a "
        f"connection, `hf download {repo} --local-dir FOLDER` fetches it; then load FOLDER here."
    )
    file = HubFile(repo=repo, file=CONFIG_FILE)
    config = None if update else hub.cached(file)
    config = config or _fetched(file, remedy)
    preset = read_config(config)

    def weights() -> Path:
        # Of the same commit as the configuration.
        beside = config.with_name(WEIGHTS_FILE)
        if beside.is_file():
            return beside
        wanted = HubFile(repo=repo, file=WEIGHTS_FILE)
        notice = _notice(preset, wanted, announce)
        return _fetched(wanted, remedy, revision=config.parent.name, announce=notice)

    return Model(preset=preset, weights=weights)
