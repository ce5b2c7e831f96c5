"""From recipe and overrides to typed settings, and from settings to a file."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mda.data.places import shown
from mda.errors import ConfigError
from mda.io.atomic import make_folder, write_bytes
from mda.training.config import TrainConfig
from mda.training.data_config import DataConfig, ProceduralDataConfig, SourcesConfig

CONFIG_FILE = "config.yaml"
# Kinds of data: `data=NAME` chooses one, and fields of the others are then refused.
_DATA = {"procedural": ProceduralDataConfig, "sources": SourcesConfig}
# Settings that are dictionaries with names of the user's: Hydra wants two plus signs where a name may be new.
_OPEN = ("data.sources", "data.folders", "data.splits", "optimiser.factors")
_UNKNOWN_KEY = re.compile(r"(?:Key|override) '([\w.]+)'")


def compose_config(overrides: Sequence[str]) -> TrainConfig:
    """Typed settings from the recipes of the package and overrides in Hydra's grammar.

    Raises:
        ConfigError: there is no such recipe or field, or a value has the wrong type; the message is Hydra's, with the
            fields or recipes that may have been meant.
    """
    store = ConfigStore.instance()
    # Without a kind of data yet: the choice brings it in.
    store.store(name="train_schema", node=TrainConfig(data=DataConfig()))
    for name, node in _DATA.items():
        store.store(group="data", name=name, node=node)
    try:
        with initialize_config_module("mda.recipes", version_base="1.3"):
            composed = compose("train", overrides=[f"++{o}" if o.startswith(_OPEN) else o for o in overrides])
        config: TrainConfig = OmegaConf.to_object(composed)  # pyright: ignore[reportAssignmentType] - the schema's type
    except (HydraException, OmegaConfBaseException) as error:
        # Hydra would add a new field with a plus sign; a typed tree takes none.
        said = str(error).partition("\nTo append")[0]
        message = shown(f"This training recipe cannot be composed: {said}{_hint(said, overrides)}")
        raise ConfigError(message) from error
    # `+name=value` adds to any tree; the typed record would drop it silently.
    told: Mapping[str, object] = OmegaConf.to_container(composed)  # pyright: ignore[reportAssignmentType]
    if added := sorted(set(_paths(told)) - set(_paths(plain_settings(config)))):
        message = f"There is no setting {', '.join(added)}. Settings are changed by name=value, without a plus sign."
        raise ConfigError(message)
    return config


def recipes() -> list[str]:
    """Names that `experiment=` takes, in order."""
    root = resources.files("mda.recipes") / "experiment"
    return sorted(_yaml_below(root, ""))


def save_config(config: TrainConfig, folder: Path) -> Path:
    """Write the effective settings to <folder>/config.yaml, without the passwords in URLs.

    Raises:
        OutputError: the folder cannot be written to.
    """
    make_folder(folder)
    path = folder / CONFIG_FILE
    write_bytes(path, shown(OmegaConf.to_yaml(OmegaConf.structured(config))).encode())
    return path


def _yaml_below(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _yaml_below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield prefix + entry.name.removesuffix(".yaml")


def _hint(message: str, overrides: Sequence[str]) -> str:
    """What may have been meant: recipes of a similar name, or fields that end in the unknown key."""
    wanted = next((text.partition("=")[2] for text in overrides if text.startswith("experiment=")), None)
    if wanted is not None and wanted not in recipes():
        return f"\nRecipes: {', '.join(recipes())}."
    found = _UNKNOWN_KEY.search(message)
    if found is None:
        return ""
    leaves = {path.rpartition(".")[2]: path for path in _paths(plain_settings(TrainConfig()))}
    leaves |= {name: f"data.{name}" for kind in _DATA.values() for name in plain_settings(kind())}
    close = difflib.get_close_matches(found[1].rpartition(".")[2], leaves, n=3, cutoff=0.6)
    return f"\nDid you mean {' or '.join(leaves[name] for name in close)}?" if close else ""


def plain_settings(config: object) -> Mapping[str, object]:
    """A typed configuration as nested dictionaries, as its file holds it."""
    return OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)  # pyright: ignore[reportReturnType]


def _paths(tree: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{name}.")
