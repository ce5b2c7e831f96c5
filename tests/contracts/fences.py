"""Code fences of Markdown files that must run: those opened with ```bash run or ```python run."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^```(?P<language>bash|python) run\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Fence:
    """A fence that must run."""

    language: str
    code: str
    line: int


def runnable_fences(text: str) -> list[Fence]:
    """The fences of a text in their order."""
    return [
        Fence(match["language"], match["code"], text[: match.start()].count("\n") + 1)
        for match in _FENCE.finditer(text)
    ]
