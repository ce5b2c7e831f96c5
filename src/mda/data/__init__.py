"""Sources of clips with ground truth, and the way from clips to batches."""

from mda.data.folder import FolderSource
from mda.data.source import SceneClip, Source

__all__ = ["FolderSource", "SceneClip", "Source"]
