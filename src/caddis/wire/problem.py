"""Error bodies (facts: machines-api 1.5): a Problem to one, and one back to a Problem.

`error` and `status` are Fly's. `kind`, `hint` and `field` are ours: other clients ignore them, our own
restores the same Problem from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from caddis.domain.errors import Problem, problem_for_status, problem_from_json

_LONGEST_RAW_TEXT = 300  # characters of a body that is not ours


def problem_to_wire(problem: Problem) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the body. `status` is a word, and left out where Fly has none: a number would not be read."""
    body: dict[str, Any] = {"error": problem.message, "kind": type(problem).__name__}
    if problem.code is not None:
        body["status"] = problem.code
    if problem.hint is not None:
        body["hint"] = problem.hint
    if problem.field is not None:
        body["field"] = problem.field
    return problem.http_status, body


def problem_from_wire(status: int, body: bytes) -> Problem:
    """The Problem behind an answer. `message` wins over `error`; a body that is not JSON is shown, shortened."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, Mapping):
        text = " ".join(body.decode(errors="replace").split())[:_LONGEST_RAW_TEXT]
        return problem_for_status(status, f"the server answered {status}" + (f": {text}" if text else ""))
    message = _text(document, "message") or _text(document, "error") or f"the server answered {status}"
    hint, field = _text(document, "hint"), _text(document, "field")
    kind = problem_from_json({"kind": _text(document, "kind"), "message": message, "hint": hint, "field": field})
    if type(kind) is not Problem and kind.http_status == status:
        return kind
    problem = problem_for_status(status, message, code=_text(document, "status"))
    problem.hint, problem.field = hint, field
    return problem


def _text(document: Mapping[str, Any], key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) and value else None
