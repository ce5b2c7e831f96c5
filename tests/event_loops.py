"""Event loops that libraries make for themselves and nobody closes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def closed_loops() -> Iterator[None]:
    """Close the event loops that were made inside.

    Gradio sets a new event loop for each of its locks and forgets it, and so does a notebook's client; the warning of
    the unclosed loop would fall on whichever test is running when it is collected.
    """
    made: list[asyncio.AbstractEventLoop] = []
    new_event_loop = asyncio.new_event_loop

    def remembered() -> asyncio.AbstractEventLoop:
        made.append(new_event_loop())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", remembered)
        try:
            yield
        finally:
            asyncio.set_event_loop(None)
            for loop in made:
                if not loop.is_running():
                    loop.close()
