"""Flying points against ground truth: decoded depths on neither of the two true surfaces and strictly between them.

The prediction must be scale aligned (`align_scale` on `EdgeTruth.interior`). A network whose global errors exceed the
gaps between surfaces scores badly here whatever its edges look like; `mda.metrics.own_surfaces` takes that out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mda.geometry import EdgeTruth
from mda.metrics.tally import Scores, Tally
from mda.shapes import Bool, Float, Tensor

# How far in ln depth a point must be from both surfaces to fly; edges with a gap of at most twice this are not scored.
TOLERANCE = 0.05


def flying_between_true_surfaces(
    depth: Float[Tensor, "*b h w"], truth: EdgeTruth, *, tolerance: float = TOLERANCE, radius: int = 0
) -> Scores:
    """Whether ln front + tolerance < ln depth < ln back - tolerance.

    Scored are edge pixels, or with a `radius` all valid pixels within that many pixels of one (maximum norm; front and
    back are then the smallest and the largest there), where ln back - ln front > 2 tolerance. Pixels whose predicted
    depth is not finite or not positive are not scored.
    """
    near, front, back = truth.surroundings(radius)
    log_depth = depth.log()
    flying = (log_depth > front.log() + tolerance) & (log_depth < back.log() - tolerance)
    return Scores(values=flying, mask=near & _wide(front, back, tolerance) & usable(depth))


def nearer_to_other_true_surface(
    depth: Float[Tensor, "*b h w"], truth: EdgeTruth, *, tolerance: float = TOLERANCE, radius: int = 0
) -> Scores:
    """Wrong side: the prediction does not fly and is nearer in ln depth to the surface the pixel centre does not show.

    Scored are the pixels that `flying_between_true_surfaces` scores with the same tolerance and radius, so the two
    rates never overlap and the rest is on the right side.
    """
    flying = flying_between_true_surfaces(depth, truth, tolerance=tolerance, radius=radius)
    _, front, back = truth.surroundings(radius)
    middle = front * back
    shows_front, nearer_front = truth.depth.square() <= middle, depth.square() <= middle
    return Scores(values=(nearer_front != shows_front) & ~flying.values, mask=flying.mask)


@dataclass(frozen=True, kw_only=True)
class TrueSurfaceRates:
    """Tallies of `flying_between_true_surfaces` and `nearer_to_other_true_surface` for one tolerance and radius."""

    flying: Tally
    wrong_side: Tally


def true_surface_sweep(
    depth: Float[Tensor, "*b h w"], truth: EdgeTruth, *, tolerances: Sequence[float], radii: Sequence[int]
) -> dict[tuple[float, int], TrueSurfaceRates]:
    """Both rates for every tolerance and radius, with the surroundings looked up once per radius."""
    rates = {}
    for radius in radii:
        near, front, back = truth.surroundings(radius)
        chosen = near & usable(depth)
        log_depth, log_front, log_back = depth[chosen].log(), front[chosen].log(), back[chosen].log()
        middle = front[chosen] * back[chosen]
        wrong_surface = (depth[chosen].square() <= middle) != (truth.depth[chosen].square() <= middle)
        for tolerance in tolerances:
            wide = _wide(front[chosen], back[chosen], tolerance)
            flying = wide & (log_depth > log_front + tolerance) & (log_depth < log_back - tolerance)
            count = int(wide.sum())
            rates[tolerance, radius] = TrueSurfaceRates(
                flying=Tally(sum=float(flying.sum()), count=count),
                wrong_side=Tally(sum=float((wide & wrong_surface & ~flying).sum()), count=count),
            )
    return rates


def usable(depth: Float[Tensor, "*b"]) -> Bool[Tensor, "*b"]:
    """Depths that make a point: finite and positive."""
    return depth.isfinite() & (depth > 0)


def _wide(front: Tensor, back: Tensor, tolerance: float) -> Tensor:
    """Gaps wide enough for a point to fly in."""
    return (back / front).log() > 2 * tolerance
