"""The data sets that can be read, by name. A new one is one file here and one line in `SOURCES`."""

from mda.data.contract import SourceInfo
from mda.data.sources.tartanair import TARTANAIR
from mda.data.sources.vkitti2 import VKITTI2
from mda.errors import ConfigError

SOURCES: dict[str, SourceInfo] = {info.name: info for info in (TARTANAIR, VKITTI2)}


def find_source(name: str) -> SourceInfo:
    """The data set of that name.

    Raises:
        ConfigError: there is none; the message lists all.
    """
    if name not in SOURCES:
        message = f"There is no source {name!r}; the sources are {', '.join(SOURCES)}."
        raise ConfigError(message)
    return SOURCES[name]


__all__ = ["SOURCES", "find_source"]
