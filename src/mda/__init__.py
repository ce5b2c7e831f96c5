"""mda: depth maps, cameras and point clouds without flying points."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mda.geometry import Cameras
    from mda.inference import load
    from mda.mixtures import DepthMixture
    from mda.structures import Prediction

__version__ = "0.1.0"

# Where the public names live; importing them only when asked keeps `import mda` (and `mda --help`) fast.
_HOMES = {
    "Cameras": "mda.geometry",
    "DepthMixture": "mda.mixtures",
    "Prediction": "mda.structures",
    "load": "mda.inference",
}

__all__ = ["Cameras", "DepthMixture", "Prediction", "__version__", "load"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a public name at its first use."""
    if name not in _HOMES:
        message = f"module 'mda' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
