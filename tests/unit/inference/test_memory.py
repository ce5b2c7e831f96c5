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


def test_views_are_doubled_while_that_is_sure_to_fit():
    asked = []

    def peak(count: int) -> int:
        asked.append(count)
        return max(100 + 10 * count, 23 * count)

    # 1.5 * 23 * 17 + 400 is just within 1000; what 8 views need, 184, tells 8 * 400 / 184.
    assert views_within(1000, 400, peak) == 17
    assert asked == [2, 4, 8]
    with pytest.raises(ConfigError, match="--memory"):
        views_within(600, 500, peak)


def test_no_more_is_measured_than_tells_anything():
    asked = []
    assert views_within(3 * 10**9, 0, lambda count: asked.append(count) or count) == 2 * 10**9
    assert max(asked) == 8
