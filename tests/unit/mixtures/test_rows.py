import pytest
import torch

from mda.mixtures.rows import map_rows, tile_rows


@pytest.mark.parametrize("rows", [1, 3, 7, 24, 1000])
def test_tiles_cover_every_row_once(rows):
    a, b = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 2)
    seen = []

    def work(x, y):
        seen.append(len(x))
        return x.sum(-1), y.argmax(-1)

    total, index = map_rows(work, (a, b), rows)
    assert torch.equal(total, a.sum(-1))
    assert torch.equal(index, b.argmax(-1))
    assert sum(seen) == 24
    assert max(seen) <= rows


def test_no_rows():
    (total,) = map_rows(lambda x: (x.sum(-1),), (torch.zeros(2, 0, 3),), 10)
    assert total.shape == (2, 0)


def test_tile_size():
    cpu = torch.device("cpu")
    assert tile_rows(16, cpu) == tile_rows(16, cpu, chunk=10**9) == 16 * tile_rows(256, cpu)
    assert tile_rows(16, cpu, chunk=5) == 5
    assert tile_rows(16, cpu, chunk=0) == 1
    assert tile_rows(10**9, cpu) == 1
    assert tile_rows(16, torch.device("cuda")) > tile_rows(16, cpu)
