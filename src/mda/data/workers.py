"""Loader processes."""

import signal
from types import FrameType


def leave_signals_to_the_main_process(worker: int) -> None:  # noqa: ARG001 - as PyTorch calls it
    """Pass over Ctrl-C and a first SIGTERM, which reach the whole process group.

    For `worker_init_fn` of a `DataLoader`; else a run that could stop in good order is told that a worker died. The
    main process ends its workers in its time, one that is slow to hear of it by a SIGTERM of its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _pass_over_once)


def _pass_over_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of handlers
    signal.signal(number, signal.SIG_DFL)
