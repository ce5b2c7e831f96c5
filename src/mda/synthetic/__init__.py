"""Procedural scenes with exact ground truth."""

from mda.synthetic.effects import CAMERA_EFFECTS, Effects
from mda.synthetic.render import RenderOptions, render_clip

__all__ = ["CAMERA_EFFECTS", "Effects", "RenderOptions", "render_clip"]
