"""The thread behind the buttons."""

import threading

from mda.errors import InputError
from mda.viewer.worker import Worker


def test_of_several_wishes_the_last_one_counts():
    worker, started, release, done = Worker(print), threading.Event(), threading.Event(), []

    def slow():
        started.set()
        release.wait(5.0)

    worker.ask("slow", slow)
    assert started.wait(5.0)
    for number in range(5):
        worker.ask("draw", lambda number=number: done.append(number))
    assert not worker.wait(0.01)
    release.set()
    assert worker.wait(5.0)
    assert done == [4]
    worker.end()


def test_errors_are_told_and_the_next_job_is_done():
    told, done = [], []
    worker = Worker(told.append)

    def wrong():
        message = "that file is damaged"
        raise InputError(message)

    worker.ask("a", wrong)
    assert worker.wait(5.0)
    worker.ask("a", lambda: done.append(1 / 0))
    assert worker.wait(5.0)
    worker.ask("a", lambda: done.append("good"))
    assert worker.wait(5.0)
    assert told == ["that file is damaged", "ZeroDivisionError: division by zero"]
    assert done == ["good"]
    worker.end()
