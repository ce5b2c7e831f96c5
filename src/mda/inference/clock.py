"""Where the seconds of a prediction go."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

_Item = TypeVar("_Item")


@dataclass(kw_only=True)
class Clock:
    """Seconds spent, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    def charge(self, name: str, since: float) -> None:
        """Add the time since `since` (of `time.perf_counter`) to `name`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - since

    def rounded(self) -> dict[str, float]:
        """Seconds to a millisecond, for people."""
        return {name: round(value, 3) for name, value in self.seconds.items()}

    def reading(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items; the time that each takes to come is charged to `reading`."""
        remaining = iter(items)
        while True:
            since = time.perf_counter()
            item = next(remaining, None)
            self.charge("reading", since)
            if item is None:
                return
            yield item
