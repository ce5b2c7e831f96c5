"""Colours, surfaces and light drawn at random."""

import colorsys
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mda.synthetic.layout import ENVIRONMENT
from mda.synthetic.patterns import PatternBank
from mda.synthetic.scene import Number, SceneBuilder

Rng = np.random.Generator
Colour = tuple[float, float, float]

# Patterns of each use, and the size of one tile in metres (low, high).
USES: dict[str, tuple[tuple[str, ...], tuple[Number, Number]]] = {
    "any": (
        (
            "flat",
            "flat",
            "noise",
            "blotches",
            "marble",
            "wood",
            "stripes",
            "checker",
            "waves",
            "dots",
            "cells",
            "text",
            "poster",
        ),
        (0.3, 2.0),
    ),
    "plain": (("flat", "flat", "grain", "noise"), (0.5, 3.0)),
    "wall": (("flat", "flat", "flat", "noise", "grain", "bricks", "stripes", "waves", "tiles", "blotches"), (1.0, 4.0)),
    "ceiling": (("flat", "flat", "grain", "planks", "tiles"), (1.0, 4.0)),
    "floor": (("planks", "tiles", "checker", "noise", "cells", "wood", "marble", "grain", "stripes"), (0.8, 3.0)),
    "furniture": (("wood", "wood", "flat", "planks", "grain", "noise"), (0.5, 2.0)),
    "cloth": (("stripes", "waves", "flat", "dots", "checker", "noise", "blotches"), (0.3, 1.2)),
    "print": (("text", "poster", "poster", "text", "blotches"), (0.25, 1.2)),
    "ground": (("leaves", "grain", "noise", "cells", "blotches", "tiles"), (1.5, 6.0)),
    "grass": (("leaves", "leaves", "grain"), (0.8, 3.0)),
    "road": (("grain", "cells", "noise"), (1.0, 4.0)),
    "facade": (("facade", "facade", "bricks", "noise"), (8.0, 20.0)),
    "bark": (("wood", "noise", "grain"), (0.5, 1.5)),
    "stone": (("noise", "cells", "marble", "grain", "bricks"), (0.6, 3.0)),
    "foliage": (("leaves", "leaves", "grain"), (0.5, 2.0)),
}


def pick(rng: Rng, options: Sequence[Any] | np.ndarray) -> Any:  # noqa: ANN401 - one of whatever is given
    """One of the options, each as likely as the others (`Generator.choice` takes many times as long)."""
    return options[int(rng.integers(len(options)))]


# (mean hue, spread of hue, saturation, value) of what a use commonly looks like; one is drawn.
_HABITS: dict[str, tuple[tuple[Number, Number, tuple[Number, Number], tuple[Number, Number]], ...]] = {
    "wall": (
        (0.1, 0.05, (0.0, 0.2), (0.6, 0.97)),
        (0.1, 0.05, (0.0, 0.08), (0.8, 0.98)),
        (0.5, 0.3, (0.05, 0.4), (0.4, 0.9)),
    ),
    "ceiling": ((0.1, 0.05, (0.0, 0.12), (0.8, 0.98)), (0.1, 0.05, (0.0, 0.3), (0.5, 0.98))),
    "floor": (
        (0.075, 0.02, (0.25, 0.65), (0.3, 0.8)),
        (0.1, 0.1, (0.0, 0.15), (0.25, 0.85)),
        (0.08, 0.03, (0.1, 0.4), (0.15, 0.5)),
    ),
    "furniture": (
        (0.075, 0.02, (0.25, 0.7), (0.2, 0.75)),
        (0.1, 0.1, (0.0, 0.1), (0.05, 0.95)),
        (0.08, 0.02, (0.1, 0.4), (0.6, 0.9)),
    ),
    "ground": (
        (0.1, 0.03, (0.15, 0.5), (0.3, 0.7)),
        (0.24, 0.05, (0.2, 0.6), (0.25, 0.6)),
        (0.1, 0.05, (0.0, 0.15), (0.3, 0.8)),
    ),
    "grass": ((0.25, 0.03, (0.35, 0.75), (0.25, 0.65)), (0.18, 0.03, (0.3, 0.6), (0.4, 0.7))),
    "road": ((0.1, 0.1, (0.0, 0.1), (0.2, 0.55)), (0.09, 0.03, (0.1, 0.35), (0.4, 0.7))),
    "facade": (
        (0.08, 0.03, (0.05, 0.4), (0.5, 0.95)),
        (0.03, 0.02, (0.3, 0.6), (0.35, 0.7)),
        (0.1, 0.1, (0.0, 0.1), (0.4, 0.95)),
    ),
    "bark": ((0.08, 0.02, (0.1, 0.5), (0.15, 0.55)),),
    "stone": ((0.1, 0.05, (0.0, 0.25), (0.3, 0.85)), (0.04, 0.02, (0.2, 0.5), (0.3, 0.6))),
    "foliage": ((0.27, 0.05, (0.3, 0.8), (0.2, 0.75)),),
    "plain": ((0.1, 0.1, (0.0, 0.12), (0.05, 0.95)), (0.1, 0.05, (0.05, 0.3), (0.5, 0.95))),
}
# Where a photograph may take the place of a pattern, and how often.
_PHOTOGRAPH_USES = frozenset({"any", "print", "wall", "cloth", "ground", "stone", "road"})
_PHOTOGRAPH_SHARE = 0.35
# Share of materials of any colour at all.
_FREE_SHARE = 0.18


def usual_colour(rng: Rng, use: str) -> Colour:
    """A colour that things of this use often have, or now and then any colour, in linear light."""
    if use not in _HABITS or rng.random() < _FREE_SHARE:
        return random_colour(rng)
    hue, spread, saturation, value = pick(rng, _HABITS[use])
    return linear(colorsys.hsv_to_rgb(rng.normal(hue, spread) % 1.0, rng.uniform(*saturation), rng.uniform(*value)))


def linear(colour: Colour) -> Colour:
    """SRGB 0..1 to linear light."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return r, g, b


def random_colour(rng: Rng, *, saturation: Number | None = None, value: tuple[Number, Number] = (0.15, 0.95)) -> Colour:
    """A colour in linear light; most are dull, some are vivid."""
    if saturation is None:
        saturation = rng.uniform(0.5, 1.0) if rng.random() < 0.25 else rng.uniform(0.0, 0.45)
    # Warm hues are more common than others, indoors and out.
    hue = rng.normal(0.08, 0.06) % 1.0 if rng.random() < 0.4 else rng.random()
    return linear(colorsys.hsv_to_rgb(hue, saturation, rng.uniform(*value)))


def mixed(one: Colour, other: Colour, share: Number) -> Colour:
    """The first colour with a share of the other."""
    a, b, c = (p + (q - p) * share for p, q in zip(one, other, strict=True))
    return a, b, c


def near_colour(rng: Rng, hue: Number, *, saturation: tuple[Number, Number], value: tuple[Number, Number]) -> Colour:
    """A colour around a hue (0..1), in linear light."""
    return linear(colorsys.hsv_to_rgb(rng.normal(hue, 0.02) % 1.0, rng.uniform(*saturation), rng.uniform(*value)))


def shifted(rng: Rng, colour: Colour, amount: Number) -> Colour:
    """A colour near another: brighter or darker by up to a factor, slightly turned."""
    gain = math.exp(rng.uniform(-amount, amount))
    r, g, b = (min(0.95, c * gain * math.exp(rng.normal(0, 0.12 * amount))) for c in colour)
    return r, g, b


def add_material(
    builder: SceneBuilder,
    rng: Rng,
    use: str = "any",
    *,
    colour: Colour | None = None,
    scale: Number = 1.0,
    emission: Number = 0.0,
) -> int:
    """A material for the given use, of the given main colour or any; sizes of patterns times `scale`."""
    kinds, (small, large) = USES[use]
    bank = builder.bank
    kind = kinds[rng.integers(len(kinds))]
    # Asked only where there are photographs, so that scenes without them stay as they are.
    if "photograph" in bank.kinds and use in _PHOTOGRAPH_USES and rng.random() < _PHOTOGRAPH_SHARE:
        kind = "photograph"
    first = usual_colour(rng, use) if colour is None else colour
    if kind in ("text", "poster", "checker", "dots", "photograph") or (
        colour is None and use not in _HABITS and rng.random() < 0.4
    ):
        second = random_colour(rng)
    else:
        second = shifted(rng, first, 0.9 if use not in ("foliage", "grass") else 1.6)
    third = shifted(rng, first, 1.5)
    tile = scale * math.exp(rng.uniform(math.log(small), math.log(large)))
    turn = rng.uniform(0, 2 * math.pi) if rng.random() < 0.15 else (math.pi / 2) * rng.integers(0, 4)
    if kind in ("bricks", "facade", "text", "poster", "photograph"):
        # These have an up; image rows grow downwards, world z upwards.
        turn = math.pi if rng.random() < 0.95 else math.pi / 2
    shiny = rng.random() < 0.3
    return builder.material(
        pattern=int(pick(rng, bank.kinds[kind])),
        detail=int(pick(rng, bank.kinds[str(pick(rng, ["noise", "grain", "blotches", "noise"]))])),
        **_colours(first, second, third),
        scale=256 / tile,
        detail_scale=256 / (tile * rng.uniform(0.4, 3.0)),
        detail_share=rng.uniform(0.0, 0.6) ** 1.5,
        cos=math.cos(turn),
        sin=math.sin(turn),
        u=rng.uniform(0, 256),
        v=rng.uniform(0, 256),
        specular=rng.uniform(0.05, 0.6) if shiny else 0.0,
        shininess=math.exp(rng.uniform(math.log(8), math.log(150))),
        emission=emission,
    )


def _colours(first: Colour, second: Colour, third: Colour) -> dict[str, Number]:
    pairs = zip(("first", "second", "third"), (first, second, third), strict=True)
    return {f"{name}{i}": value for name, colour in pairs for i, value in enumerate(colour)}


def _rgb(name: str, colour: Colour, gain: Number = 1.0) -> dict[str, Number]:
    return {f"{name}{i}": gain * value for i, value in enumerate(colour)}


def _environment(**values: Number) -> np.void:
    record = np.zeros(1, ENVIRONMENT)[0]
    for name, value in values.items():
        record[name] = value
    return record


def _sky(rng: Rng, bank: PatternBank, sun: Number) -> dict[str, Number]:
    """Colours of the sky for a sun of the given height (0 at the horizon, 1 overhead)."""
    blue = linear(colorsys.hsv_to_rgb(rng.uniform(0.55, 0.63), rng.uniform(0.25, 0.75), rng.uniform(0.5, 0.95)))
    tone = rng.uniform(0.55, 0.9)
    grey = linear((tone, tone, min(1.0, tone * 1.04)))
    warm = linear(colorsys.hsv_to_rgb(rng.uniform(0.02, 0.12), rng.uniform(0.2, 0.6), rng.uniform(0.75, 1.0)))
    overcast = rng.random() < 0.25
    zenith = grey if overcast else blue
    evening = max(0.0, 1 - 3.5 * sun) * rng.uniform(0.3, 1.0)
    horizon = mixed(mixed(zenith, (0.85, 0.85, 0.85), rng.uniform(0.3, 0.9)), warm, evening)
    cloud = mixed((0.85, 0.85, 0.85), warm, evening)
    return {
        **_rgb("zenith", zenith),
        **_rgb("horizon", horizon),
        **_rgb("cloud", cloud, rng.uniform(0.7, 1.1)),
        "clouds": int(pick(rng, bank.kinds["clouds"])),
        "cover": rng.uniform(0.5, 1.2) if overcast else float(pick(rng, [0.0, rng.uniform(0.2, 0.7)])),
        "cloud_scale": rng.uniform(8, 30),
        "cloud_u": rng.uniform(0, 256),
        "cloud_v": rng.uniform(0, 256),
        "glow": 0.0 if overcast else rng.uniform(0.0, 0.5),
    }


def outdoor_light(rng: Rng, bank: PatternBank, *, size: Number, fog: Number = 0.3) -> np.void:
    """Sun and sky over a scene of the given size (metres); with probability `fog` the distance is hazy."""
    height = math.asin(rng.uniform(0.12, 0.95))
    azimuth = rng.uniform(0, 2 * math.pi)
    sky = _sky(rng, bank, math.sin(height))
    strength = rng.uniform(0.5, 1.5) if sky["glow"] > 0 or rng.random() < 0.5 else rng.uniform(0.0, 0.4)
    warmth = max(0.0, 1 - 2 * math.sin(height)) * rng.uniform(0, 0.6)
    ambient = rng.uniform(0.35, 0.8)
    bounce = random_colour(rng, saturation=0.3, value=(0.3, 0.6))
    return _environment(
        **sky,
        lx=math.cos(height) * math.cos(azimuth),
        ly=math.cos(height) * math.sin(azimuth),
        lz=math.sin(height),
        **_rgb("light", (1.0, 1 - 0.4 * warmth, 1 - 0.8 * warmth), strength),
        **{f"above{i}": ambient * (0.4 + 0.6 * sky[f"zenith{i}"]) for i in range(3)},
        **_rgb("below", bounce, ambient),
        fog=-math.log(rng.uniform(0.3, 0.9)) / size if rng.random() < fog else 0.0,
    )


def indoor_light(rng: Rng, bank: PatternBank, *, position: tuple[Number, Number, Number], size: Number) -> np.void:
    """A lamp at a position in a room of the given size (metres), daylight behind the windows."""
    warmth = rng.uniform(-0.15, 0.5)
    ambient = rng.uniform(0.25, 0.7)
    tint = random_colour(rng, saturation=0.15, value=(0.8, 1.0))
    floor = random_colour(rng, saturation=0.3, value=(0.4, 0.8))
    return _environment(
        **_sky(rng, bank, 0.5),
        point=1,
        lx=position[0],
        ly=position[1],
        lz=position[2],
        **_rgb("light", (1.0, 1 - 0.3 * warmth, 1 - 0.7 * warmth), rng.uniform(0.8, 2.2)),
        reach=size * rng.uniform(0.6, 2.0),
        **_rgb("above", tint, ambient),
        **_rgb("below", floor, ambient),
        fog=-math.log(rng.uniform(0.6, 0.9)) / size if rng.random() < 0.08 else 0.0,
    )
