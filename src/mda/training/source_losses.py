"""The likelihood by source of the clips, so that one sees which data set is hard."""

from collections.abc import Sequence

from mda.shapes import Float, Tensor

_PROCEDURAL = "procedural"


def source_of(name: str) -> str:
    """Source of a clip by its name, `source/scene/...`; procedural clips have plain names."""
    source, slash, _ = name.partition("/")
    return source if slash else _PROCEDURAL


def by_source(values: Float[Tensor, " b"], names: Sequence[str]) -> dict[str, tuple[float, int]]:
    """Sums and numbers of clips by source, of one value per clip."""
    totals: dict[str, tuple[float, int]] = {}
    for value, name in zip(values.detach().tolist(), names, strict=True):
        total, count = totals.get(source_of(name), (0.0, 0))
        totals[source_of(name)] = (total + value, count + 1)
    return totals
