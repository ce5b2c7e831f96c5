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
from mda.training.checking import checked
from mda.training.config import Precision, Schedule, TrainConfig
from mda.training.data_config import DataConfig, ProceduralDataConfig, SourcesConfig

CONFIG_FILE = "config.yaml"
# Kinds of data: `data=NAME` chooses one, and fields of the others are then refused.
_DATA = {"procedural": ProceduralDataConfig, "sources": SourcesConfig}
# Settings that are dictionaries with names of the user's: Hydra wants two plus signs where a name may be new.
OPEN_SETTINGS = ("data.sources", "data.folders", "data.splits", "optimiser.factors")
# What is chosen as a whole.
_GROUPS = ("data", "logger", "experiment")
# Settings of a few named values; Hydra knows the names of their members, which are in capitals.
_CHOICES = {"optimiser.schedule": Schedule, "trainer.precision": Precision}
_UNKNOWN_KEY = re.compile(r"(?:Key|override) '([\w.]+)'")


def compose_config(overrides: Sequence[str]) -> TrainConfig:
    """Typed settings from the recipes of the package and overrides in Hydra's grammar.

    Raises:
        ConfigError: there is no such recipe or field, or a value has the wrong type (the message is Hydra's, with the
            fields or recipes that may have been meant), is out of range, or contradicts another.
    """
    for text in overrides:
        _check_override(text)
    store = ConfigStore.instance()
    # Without a kind of data yet: the choice brings it in.
    store.store(name="train_schema", node=TrainConfig(data=DataConfig()))
    for name, node in _DATA.items():
        store.store(group="data", name=name, node=node)
    try:
        with initialize_config_module("mda.recipes", version_base="1.3"):
            composed = compose("train", overrides=[_as_hydra_wants(text) for text in overrides])
        config: TrainConfig = OmegaConf.to_object(composed)  # pyright: ignore[reportAssignmentType] - the schema's type
    except (HydraException, OmegaConfBaseException) as error:
        said = _said(error)
        message = shown(f"This training recipe cannot be composed: {said}{_hint(said)}")
        # Without its cause, which may show the password in a URL.
        raise ConfigError(message) from None
    # `+name=value` adds to any tree; the typed record would drop it silently.
    told: Mapping[str, object] = OmegaConf.to_container(composed)  # pyright: ignore[reportAssignmentType]
    if added := sorted(set(_paths(told)) - set(_paths(plain_settings(config)))):
        message = f"There is no setting {', '.join(added)}. Settings are changed by name=value, without a plus sign."
        raise ConfigError(message)
    return checked(config)


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


def _check_override(text: str) -> None:
    """Refuse what Hydra would understand as something that no run is to have.

    Raises:
        ConfigError: a setting is deleted, something that is chosen as a whole is set to nothing, there is no such
            recipe, or this is no override at all.
    """
    name, equals, value = text.partition("=")
    value = value.strip("'\"")
    if text.startswith("~"):
        message = (
            f"{text} would delete a setting, but a run has them all; change it by {name[1:]}=VALUE, or leave it out."
        )
        raise ConfigError(message)
    if name in _GROUPS and value in {"", "null"}:
        message = f"{text} chooses nothing; expected {name}=NAME, or leave it out."
        raise ConfigError(message)
    known = recipes()
    if not equals:
        close = difflib.get_close_matches(text, known, n=1, cutoff=0.6)
        meant = f" Did you mean experiment={close[0]}?" if close else ""
        message = f"{text!r} is no setting: expected NAME=VALUE.{meant}"
        raise ConfigError(message)
    # A list of recipes is Hydra's to take apart.
    if name == "experiment" and value not in known and not value.startswith("["):
        close = difflib.get_close_matches(value, known, n=3, cutoff=0.6)
        meant = f" Did you mean {' or '.join(close)}?" if close else ""
        message = f"There is no recipe experiment={value}.{meant} Recipes: {', '.join(known)}."
        raise ConfigError(message)


def _as_hydra_wants(override: str) -> str:
    """An override with plus signs where a name may be new, and with the name of a choice given by its value."""
    if override.startswith(OPEN_SETTINGS):
        return f"++{override}"
    name, _, value = override.partition("=")
    for member in _CHOICES.get(name, ()):
        if value.lower() in (member.value, member.name.lower()):
            return f"{name}={member.name}"
    return override


def _said(error: Exception) -> str:
    """What Hydra says and OmegaConf's reason; not how to add a field, since a typed tree takes none."""
    said = (
        str(error).partition("\nTo append")[0].partition("\nConfig search path")[0].replace("override ++", "override ")
    )
    reason = str(error.__cause__).partition("\n")[0] if isinstance(error.__cause__, OmegaConfBaseException) else ""
    return f"{said.removesuffix('.')}: {reason.removesuffix('.')}." if reason else said


def _hint(message: str) -> str:
    """What may have been meant: fields that end in the unknown key."""
    found = _UNKNOWN_KEY.findall(message)
    if not found:
        return ""
    leaves = {path.rpartition(".")[2]: path for path in _paths(plain_settings(TrainConfig()))}
    leaves |= {name: f"data.{name}" for kind in _DATA.values() for name in plain_settings(kind())}
    close = difflib.get_close_matches(found[-1].rpartition(".")[2], leaves, n=3, cutoff=0.6)
    return f"\nDid you mean {' or '.join(leaves[name] for name in close)}?" if close else ""


def plain_settings(config: object) -> Mapping[str, object]:
    """A typed configuration as nested dictionaries, as its file holds it."""
    return OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)  # pyright: ignore[reportReturnType]


def _paths(tree: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{name}.")
