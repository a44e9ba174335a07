"""How long `fly` takes as a whole process."""

from __future__ import annotations

import sys

from caddis.admin.measures.row import Row, median_seconds
from caddis.admin.measures.subject import APP, FLY, Subject
from caddis.kernel.command import Command, run

_ROUNDS = 9


def measure(subject: Subject) -> list[Row]:
    """Two rows, in milliseconds, beside a Python that does nothing."""
    bare = _seconds(subject, sys.executable, "-c", "pass")
    version = _seconds(subject, FLY, "version")
    listing = _seconds(subject, FLY, "volumes", "list", "--app", APP)
    floor = {"bare python": bare * 1000}
    return [
        Row(
            name="fly version",
            unit="ms",
            caddis=version * 1000,
            beside=floor,
            target="<= 150 ms",
            met=version <= 0.150,
        ),
        Row(
            name="fly volumes list",
            unit="ms",
            caddis=listing * 1000,
            beside=floor,
            target="<= 300 ms",
            met=listing <= 0.300,
        ),
    ]


def _seconds(subject: Subject, *argv: str) -> float:
    wanted = Command(argv=argv, env=subject.environment())
    return median_seconds(lambda: run(wanted), rounds=_ROUNDS)
