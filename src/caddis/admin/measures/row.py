"""A row of the table, and how it is shown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`beside` has what Caddis is compared with, in the same unit: the floor, docker, podman, raw.

    `target` is a sentence; `met` is whether it was reached, None when that cannot be told here.
    """

    name: str
    unit: str
    caddis: float
    beside: dict[str, float] = field(default_factory=dict)
    target: str = ""
    met: bool | None = None


def median_seconds(work: Callable[[], object], *, rounds: int, between: Callable[[], object] | None = None) -> float:
    """The median time that `work` takes; `between` puts things back and is not timed."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
        if between is not None:
            between()
    return statistics.median(times)


def table(rows: Sequence[Row]) -> str:
    """The rows as text: the figure, what it is compared with and the ratio to it, the target and whether it was met."""
    names = list(dict.fromkeys(name for row in rows for name in row.beside))
    head = ["", "caddis", *names, "target", ""]
    body = [
        [
            row.name,
            f"{row.caddis:.4g} {row.unit}",
            *(f"{row.beside[name]:.4g} ({_ratio(row, name)})" if name in row.beside else "-" for name in names),
            row.target,
            {True: "met", False: "MISSED", None: ""}[row.met],
        ]
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *body]) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *body]
    )


def _ratio(row: Row, name: str) -> str:
    return f"x {row.caddis / row.beside[name]:.2f}" if row.beside[name] else "x -"
