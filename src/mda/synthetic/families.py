"""The families of scenes and how often each is drawn."""

from collections.abc import Callable

from mda.synthetic.materials import Rng
from mda.synthetic.open_ground import layers, nature, street
from mda.synthetic.patterns import PatternBank, pattern_bank
from mda.synthetic.rooms import courtyard, room, table_top
from mda.synthetic.stage import Stage

FAMILIES: dict[str, Callable[[Rng, PatternBank], Stage]] = {
    "room": room,
    "table_top": table_top,
    "courtyard": courtyard,
    "street": street,
    "nature": nature,
    "layers": layers,
}
_SHARES = {"room": 0.3, "table_top": 0.12, "courtyard": 0.12, "street": 0.14, "nature": 0.14, "layers": 0.18}


def build_stage(rng: Rng, family: str | None = None, *, photographs: bool = False) -> Stage:
    """A random scene of the given family, or of one drawn by its share.

    Args:
        rng: source of everything that is drawn.
        family: one of `FAMILIES`, or None.
        photographs: also use the photographs of scikit-image as patterns.
    """
    if family is None:
        names = list(_SHARES)
        family = names[int(rng.choice(len(names), p=list(_SHARES.values())))]
    return FAMILIES[family](rng, pattern_bank(photographs=photographs))
