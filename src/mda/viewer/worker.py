"""One thread that does what the buttons ask for; of several wishes of one kind the last one counts."""

import logging
import threading
from collections.abc import Callable

from mda.errors import MdaError

_LOGGER = logging.getLogger(__name__)


class Worker:
    """Does jobs one after the other, in a thread of its own.

    Sliders ask much faster than a million points can be drawn: a job that waits is replaced by a newer one of its
    kind. Errors go to `on_error`, and the next job is done all the same.
    """

    def __init__(self, on_error: Callable[[str], None]) -> None:
        self._on_error = on_error
        self._jobs: dict[str, Callable[[], None]] = {}
        self._changed = threading.Condition()
        self._busy = False
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="mda-viewer", daemon=True)
        self._thread.start()

    def ask(self, kind: str, job: Callable[[], None]) -> None:
        """Do the job soon, instead of an older one of that kind that still waits."""
        with self._changed:
            self._jobs[kind] = job
            self._changed.notify_all()

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is left to do; False if it took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, seconds)

    def end(self) -> None:
        """Forget what waits, and end after the present job."""
        with self._changed:
            self._ended = True
            self._jobs.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._jobs or self._ended)
                if self._ended:
                    return
                job = self._jobs.pop(next(iter(self._jobs)))
                self._busy = True
            try:
                job()
            except MdaError as error:
                self._on_error(str(error))
            except Exception as error:  # the thread must live on, and a person must hear of it
                _LOGGER.exception("The viewer could not do that.")
                self._on_error(f"{type(error).__name__}: {error}")
