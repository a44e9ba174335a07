"""Everything that may go wrong and be shown to a person.

    Problem                     500  exit 1   something we know how to explain
    ├── Refused                 400  exit 1   the request cannot be carried out as it stands
    │   ├── Invalid             422  exit 1   a value is wrong; `field` names it
    │   ├── Unauthenticated     401  exit 1   no token, or not a valid one
    │   ├── Forbidden           403  exit 1   the token does not reach this far
    │   ├── NotFound            404  exit 1   there is no such thing
    │   ├── TimedOut            408  exit 126 a deadline passed before it happened
    │   ├── Conflict            409  exit 1   the thing is in another state than the request needs
    │   │   ├── LeaseHeld       409  exit 1   someone else holds the machine's lease
    │   │   └── InUse           409  exit 1   the volume is attached
    │   ├── TooLarge            413  exit 1   the body is larger than we read
    │   ├── NameTaken           422  exit 1   app names are unique in an installation
    │   └── NoCapacity          422  exit 1   no host can take it
    ├── Missing                 501  exit 1   this computer lacks what it takes; says what brings it
    ├── Unreachable             504  exit 1   a host or the API did not answer (502/503 are retried by clients, even
    │                                         for POST, so they are never used)
    └── Damaged                 500  exit 1   what is on disk is not what the records say; nothing was touched
        └── WrongVolume         500  exit 1   the device does not carry the volume's identity

What is not a Problem is a bug: its traceback goes to the log, the user gets an incident id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Problem(Exception):
    """Something went wrong that we know how to explain."""

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    code: ClassVar[str | None] = None  # Fly's `status` word in error bodies (facts: machines-api 1.5)

    def __init__(self, message: str, *, hint: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field

    def to_json(self) -> dict[str, Any]:
        """As kept in the book; `problem_from_json` reads it back."""
        return {"kind": type(self).__name__, "message": self.message, "hint": self.hint, "field": self.field}


class Refused(Problem):
    """The request cannot be carried out as it stands."""

    http_status = 400


class Invalid(Refused):
    """A value is wrong."""

    http_status = 422


class Unauthenticated(Refused):
    """There is no token, or it is not a valid one."""

    http_status = 401


class Forbidden(Refused):
    """The token does not reach this far."""

    http_status = 403


class NotFound(Refused):
    """There is no such thing."""

    http_status = 404


class TimedOut(Refused):
    """A deadline passed before it happened."""

    http_status = 408
    exit_code = 126


class Conflict(Refused):
    """The thing is in another state than the request needs."""

    http_status = 409


class LeaseHeld(Conflict):
    """Someone else holds the machine's lease."""


class InUse(Conflict):
    """The volume is attached to a machine."""


class TooLarge(Refused):
    """The body is larger than we read."""

    http_status = 413


class NameTaken(Refused):
    """App names are unique in an installation."""

    http_status = 422
    code = "name_taken"


class NoCapacity(Refused):
    """No host can take it."""

    http_status = 422
    code = "insufficient_capacity"


class Missing(Problem):
    """This computer lacks what it takes."""

    http_status = 501


class Unreachable(Problem):
    """A host or the API did not answer."""

    http_status = 504


class Damaged(Problem):
    """What is on disk is not what the records say; nothing was touched."""


class WrongVolume(Damaged):
    """The device does not carry the volume's identity."""


def _family(root: type[Problem]) -> dict[str, type[Problem]]:
    known = {root.__name__: root}
    for child in root.__subclasses__():
        known |= _family(child)
    return known


def problem_from_json(document: Mapping[str, Any]) -> Problem:
    """The Problem that `to_json` wrote down; an unknown kind, or one made otherwise, comes back as a plain Problem."""
    kind = _family(Problem).get(str(document.get("kind")), Problem)
    if kind.__init__ is not Problem.__init__:  # such as Failed, which is made from a command
        kind = Problem
    return kind(str(document["message"]), hint=document.get("hint"), field=document.get("field"))


def problem_for_status(status: int, message: str, *, code: str | None = None) -> Problem:
    """The Problem behind an HTTP answer: by Fly's `status` word first, then by HTTP status."""
    family = _family(Problem).values()
    for kind in family:
        if code is not None and kind.code == code:
            return kind(message)
    for kind in family:
        if kind.code is None and kind.http_status == status:
            return kind(message)
    return Refused(message) if 400 <= status < 500 else Problem(message)
