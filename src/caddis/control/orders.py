"""What control asks of a host, and what the host answers, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caddis.domain.errors import Problem
from caddis.wire.body import document_from_body
from caddis.wire.machine_request import MAX_WAIT
from caddis.wire.problem import problem_from_wire

Query = tuple[tuple[str, str], ...]

READ_SECONDS = 15.0  # for what a host only has to look up
CHANGE_SECONDS = 900.0  # for changes: creating a machine may fetch an image first


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One request to an agent's door. `nonce` proves a lease; `user` is who asked; `seconds` is how long we wait."""

    method: str
    path: str
    app: str
    query: Query = ()
    body: bytes | None = None
    nonce: str | None = None
    user: str = ""
    seconds: float = READ_SECONDS

    @property
    def headers(self) -> dict[str, str]:
        """As they are sent."""
        told = {"caddis-user": self.user} if self.user else {}
        if self.body is not None:
            told["content-type"] = "application/json"
        if self.nonce is not None:
            told["fly-machine-lease-nonce"] = self.nonce
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Passed on to whoever asked, unchanged. `sequence` is the report that will tell of the change; 0 for none."""

    status: int
    body: bytes
    content_type: str = "application/json"
    sequence: int = 0

    @property
    def problem(self) -> Problem | None:
        """What the host complains of."""
        return problem_from_wire(self.status, self.body) if self.status >= 400 else None

    @property
    def document(self) -> Any:
        """The JSON that it told."""
        return document_from_body(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A request about one thing that its host answers; `verb` is what follows the thing's id in the path."""

    method: str
    verb: str = ""
    query: Query = ()
    body: bytes | None = None
    nonce: str | None = None
    user: str = ""

    def to_order(self, app: str, path: str) -> Order:
        """The order, about the thing at `path`."""
        seconds = READ_SECONDS if self.method == "GET" else CHANGE_SECONDS
        return Order(
            method=self.method,
            path=path + self.verb,
            app=app,
            query=self.query,
            body=self.body,
            nonce=self.nonce,
            user=self.user,
            seconds=MAX_WAIT + READ_SECONDS if self.verb == "/wait" else seconds,
        )
