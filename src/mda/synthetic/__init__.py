"""Procedural scenes with exact ground truth."""

from mda.synthetic.effects import CAMERA_EFFECTS, Effects
from mda.synthetic.render import RenderOptions, render_clip
from mda.synthetic.source import ProceduralSource
from mda.synthetic.writing import write_scenes

__all__ = ["CAMERA_EFFECTS", "Effects", "ProceduralSource", "RenderOptions", "render_clip", "write_scenes"]
