"""Order and visibility of file names."""

import itertools
from pathlib import Path

from mda.io.names import is_hidden, natural_key


def test_numbers_are_ordered_as_numbers():
    names = ["b1", "a10", "a2", "A1", "a02", "a", "10", "9", "a2b10", "a2b9", "²", "x٣"]
    assert sorted(names, key=natural_key) == [
        "9",
        "10",
        "a",
        "A1",
        "a02",
        "a2",
        "a2b9",
        "a2b10",
        "a10",
        "b1",
        "x٣",
        "²",
    ]


def test_the_order_does_not_depend_on_the_order_of_listing():
    orders = itertools.permutations(["IMG1", "img1", "Img1", "img01"])
    assert len({tuple(sorted(names, key=natural_key)) for names in orders}) == 1


def test_files_of_operating_systems_are_hidden():
    assert [is_hidden(Path(name)) for name in (".DS_Store", "._a.jpg", "Thumbs.db", "a/b.jpg")] == [True] * 3 + [False]
