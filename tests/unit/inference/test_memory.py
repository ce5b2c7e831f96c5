import pytest
import torch

from mda.errors import ConfigError
from mda.inference.memory import peak_bytes, views_within

CPU = torch.device("cpu")
MB = 4_000_000


def test_the_peak_counts_what_is_alive_together():
    def work() -> None:
        first = torch.ones(1000, 1000)
        second = first + 1
        del first
        third = second * 2
        del second
        torch.ones(100, 1000).add_(third[0, 0])

    assert peak_bytes(work, CPU) == 2 * MB


def test_views_of_one_memory_count_once():
    def work() -> None:
        first = torch.ones(1000, 1000)
        first.view(-1)[10:].t().add_(1)

    assert peak_bytes(work, CPU) == MB


def test_other_devices_do_not_count():
    assert peak_bytes(lambda: torch.ones(1000, 1000, device="meta"), CPU) == 0


def test_what_was_there_before_does_not_count():
    before = torch.ones(1000, 1000)
    assert peak_bytes(lambda: before.add_(1), CPU) == 0


def test_the_number_of_views_follows_from_one_and_two():
    asked = []

    def peak(count: int) -> int:
        asked.append(count)
        return 100 + 10 * count

    # 1.25 (100 + 10 v) + 500 <= 1000
    assert views_within(1000, 500, peak) == 30
    assert asked == [1, 2]
    with pytest.raises(ConfigError, match="--memory"):
        views_within(600, 500, peak)
