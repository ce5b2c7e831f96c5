"""Loader processes."""

import signal


def leave_signals_to_the_main_process(worker: int) -> None:  # noqa: ARG001 - as PyTorch calls it
    """Ignore Ctrl-C and SIGTERM, which reach the whole process group: the main process ends its workers in its time.

    For `worker_init_fn` of a `DataLoader`; else a run that could stop in good order is told that a worker died.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
