"""Log lines. Rooms call `note`; a daemon chooses once, with `configure`, how lines look and where they go.

Nothing here formats a value that was given as a secret: callers pass `***` themselves (see kernel/command.py).
"""

from __future__ import annotations

import logging
import sys
from typing import Any

_LOGGER = logging.getLogger("caddis")
_LOGGER.addHandler(logging.NullHandler())


def note(event: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """One line: what happened, and the facts."""
    if _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, event, extra={"facts": facts})


def note_bug(event: str, problem: BaseException, **facts: Any) -> None:
    """One line with a traceback, for what should not have happened."""
    _LOGGER.error(event, exc_info=problem, extra={"facts": facts})


def configure(program: str, *, verbose: bool = False) -> None:
    """Lines on stderr as `time level program event key=value`, for daemons. Imports structlog."""
    import structlog

    def add_facts(_logger: object, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
        record = entry.get("_record")
        return entry | {"program": program} | getattr(record, "facts", {})

    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_facts,  # type: ignore[list-item]  # structlog's EventDict is a MutableMapping; ours is a dict
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "program", "event"]),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)
    _LOGGER.propagate = False
