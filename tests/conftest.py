"""Rules for every test: a unit test starts no program, opens no socket and does not sleep."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import settings

# No test is timed: a busy computer is not a failure. pytest-timeout ends what really hangs.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

_PURE_RUNGS = {"unit", "wire"}


class NotInAUnitTest(BaseException):
    """Derives from BaseException so that no `except Exception` under test can swallow it."""


@pytest.fixture(autouse=True)
def _nothing_real_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    rung = Path(str(request.node.path)).relative_to(Path(__file__).parent).parts[0]
    if rung not in _PURE_RUNGS:
        return

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise NotInAUnitTest("a unit test may not start a program, open a socket or sleep")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(time, "sleep", refuse)
