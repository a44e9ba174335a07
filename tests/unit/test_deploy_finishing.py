"""What is begun is finished before the program ends, and nothing more is begun."""

from __future__ import annotations

import threading

import pytest

from caddis.cli.deploy.finishing import Finishing
from caddis.domain.errors import Problem


def test_closing_waits_for_what_is_under_way() -> None:
    finishing, begun, go_on = Finishing(), threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        with finishing.part():
            begun.set()
            go_on.wait(10)
            done.append("whole")

    def close() -> None:
        finishing.close(10)
        done.append("closed")

    worker, closer = threading.Thread(target=work), threading.Thread(target=close)
    worker.start()
    begun.wait(10)
    closer.start()
    go_on.set()
    worker.join(10)
    closer.join(10)
    assert done == ["whole", "closed"]


def test_nothing_begins_once_it_is_closed() -> None:
    finishing = Finishing()
    finishing.close(0)
    with pytest.raises(Problem, match="interrupted"), finishing.part():
        pass


def test_it_does_not_wait_for_ever() -> None:
    finishing = Finishing()
    with finishing.part():
        finishing.close(0)
