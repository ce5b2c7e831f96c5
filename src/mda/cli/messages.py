"""What the command line says while it works: log records as plain lines that do not break the progress bar."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm


class _Lines(logging.Handler):
    """`warning: ...` on stderr, above a running progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        prefix = f"{record.levelname.lower()}: " if record.levelno != logging.INFO else ""
        tqdm.write(f"{prefix}{text}", file=sys.stderr)


@contextmanager
def messages_on_stderr(*, debug: bool) -> Iterator[None]:
    """While the block runs, messages of `mda` go to stderr; those of libraries only with `debug`."""
    handler, logger, root = _Lines(), logging.getLogger("mda"), logging.getLogger()
    before = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.addHandler(handler)
    if debug:
        root.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        root.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def progress_bar(total: int | None, unit: str, description: str, *, done: int = 0) -> tqdm:
    """A bar with remaining time on stderr; where that is no terminal, a line now and then if it takes long."""
    terminal = sys.stderr.isatty()
    seconds = 0.2 if terminal else 10.0
    return tqdm(
        total=total,
        initial=done,
        unit=unit,
        desc=description,
        mininterval=seconds,
        maxinterval=seconds,
        leave=False,
        delay=0.0 if terminal else seconds,
        file=sys.stderr,
        dynamic_ncols=True,
    )


def amount(count: int, noun: str) -> str:
    """`1 view`, `2 views`, `12,345 points`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
