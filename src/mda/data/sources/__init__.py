"""The data sets that can be read, by name. A new one is one file here and one line in `SOURCES`."""

from mda.data.contract import SourceInfo
from mda.data.sources.ade20k import ADE20K
from mda.data.sources.aria import ARIA
from mda.data.sources.dl3dv import DL3DV
from mda.data.sources.dynamic_replica import DYNAMIC_REPLICA
from mda.data.sources.hsod import HSOD
from mda.data.sources.hypersim import HYPERSIM
from mda.data.sources.layered_depth import LAYERED_DEPTH
from mda.data.sources.mvs_synth import MVS_SYNTH
from mda.data.sources.omniworld_game import OMNIWORLD_GAME
from mda.data.sources.point_odyssey import POINT_ODYSSEY
from mda.data.sources.spring import SPRING
from mda.data.sources.tartanair import TARTANAIR
from mda.data.sources.trans10k import TRANS10K
from mda.data.sources.unrealstereo4k import UNREALSTEREO4K
from mda.data.sources.vkitti2 import VKITTI2
from mda.errors import ConfigError

SOURCES: dict[str, SourceInfo] = {
    info.name: info
    for info in (
        ARIA,
        HYPERSIM,
        MVS_SYNTH,
        OMNIWORLD_GAME,
        POINT_ODYSSEY,
        TARTANAIR,
        VKITTI2,
        DYNAMIC_REPLICA,
        UNREALSTEREO4K,
        SPRING,
        DL3DV,
        LAYERED_DEPTH,
        ADE20K,
        HSOD,
        TRANS10K,
    )
}


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
