"""Glass panes in front of a procedural scene: pictures, and the depth of the pane and of what is behind it.

A pane is a flat rectangle in an opaque frame. What is seen through it is tinted; on top comes a reflection that grows
with the angle (Schlick 1994) and follows the pane in all views. Panes are put over the drawn views, so they cast no
shadows and the reflection is made up. Colours are means over 16 points of each pixel, depth is that of its centre, as
everywhere; whether a pane lies in front is decided at the centre alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mda.data.clips import LayerClip
from mda.shapes import Bool, Float, Float32, ndarray
from mda.synthetic.tracing import DrawnView

# Distance to a pane along the axis as a share of the depth there, its size as a share of the view, turn in radians.
_DISTANCE, _SIZE, _TURN = (0.35, 0.75), (0.18, 0.42), (0.7, 0.25)
_NEAREST, _FALLBACK = 0.3, 6.0
_FRAME = 0.05
# Reflectance of glass head-on (both faces), and how much nearer than the scene a pane must be to be in front.
_HEAD_ON, _BEFORE = 0.08, 0.995
_SAMPLES = 4


@dataclass(frozen=True, kw_only=True)
class Pane:
    """A rectangle in the world.

    Attributes:
        centre, right, up: place and unit axes, metres; half: half width and half height.
        tint: transmitted share of each channel.
        frame_colour: of the frame, in units of the mean light of the view.
        stripes: number of reflected stripes across the pane, their slant and phase.
    """

    centre: Float[ndarray, "3"]
    right: Float[ndarray, "3"]
    up: Float[ndarray, "3"]
    half: tuple[float, float]
    tint: Float[ndarray, "3"]
    frame_colour: Float[ndarray, "3"]
    stripes: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Pose and intrinsics of a view."""

    world_from_cam: Float32[ndarray, "4 4"]
    intrinsics: Float32[ndarray, "3 3"]


def place_panes(rng: np.random.Generator, count: int, view: DrawnView, lens: Lens) -> list[Pane]:
    """Panes in front of the first view of a clip, somewhere in its middle, facing it more or less."""
    height, width = view.depth.shape
    turn, place = lens.world_from_cam[:3, :3].astype(float), lens.world_from_cam[:3, 3].astype(float)
    focal = np.array([lens.intrinsics[0, 0], lens.intrinsics[1, 1]], float)
    panes = []
    for _ in range(count):
        x, y = rng.uniform(0.25, 0.75) * width, rng.uniform(0.25, 0.75) * height
        behind = float(view.depth[int(y), int(x)]) or _FALLBACK
        z = max(_NEAREST, rng.uniform(*_DISTANCE) * min(behind, 4 * _FALLBACK))
        ray = np.array([(x - lens.intrinsics[0, 2]) / focal[0], (y - lens.intrinsics[1, 2]) / focal[1], 1.0])
        yaw, pitch = rng.uniform(-_TURN[0], _TURN[0]), rng.uniform(-_TURN[1], _TURN[1])
        right = turn @ np.array([math.cos(yaw), 0.0, math.sin(yaw)])
        normal = np.cross(right, turn @ np.array([0.0, math.cos(pitch), math.sin(pitch)]))
        up = np.cross(normal / np.linalg.norm(normal), right)
        half = rng.uniform(*_SIZE, 2) * z * np.array([width, height]) / focal
        panes.append(
            Pane(
                centre=place + turn @ (ray * z),
                right=right,
                up=up,
                half=(float(half[0]), float(half[1])),
                tint=rng.uniform(0.7, 0.97) * np.array([0.96, 1.0, 0.97]),
                frame_colour=np.full(3, rng.uniform(0.05, 2.0)),
                stripes=(rng.uniform(1, 4), rng.uniform(-1, 1), rng.uniform(0, 2 * math.pi)),
            )
        )
    return panes


def with_panes(view: DrawnView, lens: Lens, panes: Sequence[Pane], gap: float) -> tuple[DrawnView, LayerClip]:
    """The view with panes in front of it; its layers have one view.

    `depth` and `surface` become those of the nearest pane or frame where there is one; `last_depth` is that of the
    nearest opaque surface, which is known unless it is the sky. Discontinuities are looked up anew around panes: a
    pixel is an edge where one of its 8 neighbours shows another surface whose depth differs by more than `gap` (log).
    """
    view = replace(view, colour=view.colour.copy())
    centres = [_hit(pane, lens, view.depth.shape, 0.5, 0.5) for pane in panes]
    # From far to near. Frames are opaque: they come first, and then count as part of the scene behind the glass.
    order = sorted(range(len(panes)), key=lambda i: -float(np.median(centres[i][0])))
    behind, surface = view.depth.astype(float), view.surface.copy()
    number = int(surface.max()) + 1
    for index in order:
        z, inside, frame = centres[index]
        seen = frame & inside & _in_front(z, behind)
        _paint(view, lens, panes[index], behind, frame_only=True)
        behind = np.where(seen, z, behind)
        surface = np.where(seen, number + 2 * index, surface)
    first, glass = behind.copy(), np.zeros(behind.shape, np.bool_)
    for index in order:
        z, inside, frame = centres[index]
        seen = ~frame & inside & _in_front(z, behind)
        _paint(view, lens, panes[index], behind, frame_only=False)
        nearer = seen & _in_front(z, first)
        first = np.where(nearer, z, first)
        surface = np.where(nearer, number + 2 * index + 1, surface)
        glass |= seen
    layers = LayerClip(
        glass=glass[None],
        last_depth=np.where(glass, behind, 0).astype(np.float32)[None],
        last_valid=(glass & (behind > 0))[None],
    )
    view = replace(view, depth=first, surface=surface.astype(view.surface.dtype))
    return _with_discontinuities(view, surface >= number, gap), layers


def _in_front(z: Float[ndarray, "h w"], behind: Float[ndarray, "h w"]) -> Bool[ndarray, "h w"]:
    """Whether a plane is met before the scene (depth 0: sky)."""
    return (z > 0) & ((behind == 0) | (z < _BEFORE * behind))


def _hit(
    pane: Pane, lens: Lens, image_hw: tuple[int, ...], dx: float, dy: float
) -> tuple[Float[ndarray, "h w"], Bool[ndarray, "h w"], Bool[ndarray, "h w"]]:
    """Depth of the pane's plane at (column + dx, row + dy), whether that is inside the pane, and in its frame."""
    z, across, along, _ = _plane(pane, lens, image_hw, dx, dy)
    inside = (z > 0) & (np.abs(across) < pane.half[0]) & (np.abs(along) < pane.half[1])
    width = _FRAME * max(pane.half)
    frame = (np.abs(across) > pane.half[0] - width) | (np.abs(along) > pane.half[1] - width)
    return z, inside, inside & frame


def _plane(
    pane: Pane, lens: Lens, image_hw: tuple[int, ...], dx: float, dy: float
) -> tuple[Float[ndarray, "h w"], Float[ndarray, "h w"], Float[ndarray, "h w"], Float[ndarray, "h w"]]:
    """Depth of the plane (0: not met), place on the pane in metres, and cosine of the ray's angle to its normal."""
    height, width = image_hw
    turn = lens.world_from_cam[:3, :3].astype(float)
    centre = (pane.centre - lens.world_from_cam[:3, 3]) @ turn
    right, up = pane.right @ turn, pane.up @ turn
    normal = np.cross(right, up)
    x = (np.arange(width) + dx - float(lens.intrinsics[0, 2])) / float(lens.intrinsics[0, 0])
    y = (np.arange(height) + dy - float(lens.intrinsics[1, 2])) / float(lens.intrinsics[1, 1])
    rays = np.stack(np.broadcast_arrays(x[None, :], y[:, None], 1.0), -1)
    slope = rays @ normal
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (centre @ normal) / slope
    z = np.where(np.isfinite(z) & (z > 0), z, 0.0)
    points = rays * z[..., None] - centre
    cosine = np.abs(slope) / np.linalg.norm(rays, axis=-1)
    return z, points @ right, points @ up, cosine


def _paint(view: DrawnView, lens: Lens, pane: Pane, behind: Float[ndarray, "h w"], *, frame_only: bool) -> None:
    """Put a pane's frame, or its glass, over the colours of the view, in place."""
    colour, light = view.colour, float(view.colour.mean())
    total = np.zeros(colour.shape, np.float32)
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    for dy in steps:
        for dx in steps:
            z, inside, frame = _hit(pane, lens, behind.shape, dx, dy)
            here = inside & _in_front(z, behind)
            if frame_only:
                sample = np.where((here & frame)[..., None], pane.frame_colour * light, colour)
            else:
                sample = np.where((here & ~frame)[..., None], _through(pane, lens, colour, light, dx, dy), colour)
            total += sample.astype(np.float32)
    colour[:] = total / _SAMPLES**2


def _through(
    pane: Pane, lens: Lens, colour: Float32[ndarray, "h w 3"], light: float, dx: float, dy: float
) -> Float[ndarray, "h w 3"]:
    """Colours seen through the glass, with its reflection."""
    _, across, along, cosine = _plane(pane, lens, colour.shape[:2], dx, dy)
    share = (_HEAD_ON + (1 - _HEAD_ON) * (1 - cosine) ** 5)[..., None]
    count, slant, phase = pane.stripes
    place = (across / pane.half[0] + slant * along / pane.half[1]) * math.pi * count
    mirrored = light * (1 + np.sin(place + phase))[..., None]
    return colour * pane.tint * (1 - share) + share * mirrored


def _with_discontinuities(view: DrawnView, pane: Bool[ndarray, "h w"], gap: float) -> DrawnView:
    """Edges and skylines of the pixels on a pane, and of those beside one; the others keep theirs."""
    height, width = pane.shape
    depths, surfaces, panes = (np.pad(a, 1, mode="edge") for a in (view.depth, view.surface, pane))
    log_depth = np.log(np.maximum(view.depth, 1e-9))
    edge, skyline = view.edge & ~pane, view.skyline & ~pane
    found, largest = np.zeros_like(pane), np.full(pane.shape, gap)
    front, back = view.front * edge, view.back * edge
    for row in range(3):
        for column in range(3):
            window = slice(row, row + height), slice(column, column + width)
            depth, surface = depths[window], surfaces[window]
            concerned = (pane | panes[window]) & (surface != view.surface)
            skyline |= concerned & ((surface < 0) != (view.surface < 0))
            jump = np.abs(np.log(np.maximum(depth, 1e-9)) - log_depth)
            wider = concerned & (depth > 0) & (view.depth > 0) & (jump > largest)
            found |= wider
            largest = np.where(wider, jump, largest)
            front = np.where(wider, np.minimum(depth, view.depth), front)
            back = np.where(wider, np.maximum(depth, view.depth), back)
    return replace(view, edge=edge | found, skyline=skyline, front=front, back=back)
