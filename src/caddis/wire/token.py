"""Tokens: what makes one, and what is told of it. Ours; flyctl asks GraphQL for the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from caddis.domain.errors import Invalid
from caddis.wire.duration import parse_duration
from caddis.wire.reading import Reader
from caddis.wire.time import time_to_wire

KINDS = ("deploy", "org", "readonly")
_LONGEST_NAME = 100
_TWENTY_YEARS = 20 * 365 * 86_400.0  # seconds, as with flyctl
_LONGEST = 100 * 365 * 86_400.0
_RESERVED = "admin"  # the operator's own, which `caddis up` renews


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """`app` for a deploy token; `organization` may be "", for the caller's. `seconds` None: it never ends."""

    kind: str
    name: str
    app: str = ""
    organization: str = ""
    seconds: float | None = _TWENTY_YEARS


class Told(Protocol):
    """A token as the catalog has it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def app(self) -> str | None: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def created_by(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime | None: ...


def token_request_from_wire(document: object) -> TokenRequest:
    """A create body; Invalid, with the field, where it is wrong."""
    reader = Reader(document)
    kind = reader.choice("kind", KINDS, "")
    app = reader.name("app")
    if bool(app) != (kind == "deploy"):
        raise Invalid("app is what a deploy token is for, and no other token is for one", field="app")
    name = reader.name("name").strip() or f"{kind} token"
    if len(name) > _LONGEST_NAME:
        raise Invalid(f"name has {len(name)} characters: the most is {_LONGEST_NAME}", field="name")
    if name == _RESERVED:
        raise Invalid(f"the name {_RESERVED} is the operator's own token's: choose another", field="name")
    return TokenRequest(
        kind=kind, name=name, app=app, organization=reader.name("organization"), seconds=expiry_from_wire(reader)
    )


def expiry_from_wire(reader: Reader) -> float | None:
    """Seconds that a token is good for; 20 years unless said, None for "0s": it never ends."""
    text = reader.text("expiry")
    seconds = parse_duration(text, field="expiry") if text else _TWENTY_YEARS
    if not 0 <= seconds <= _LONGEST:
        raise Invalid(f"expiry is {text}: it must be from 0s (never) to 876000h", field="expiry")
    return seconds or None


def token_to_wire(token: Told) -> dict[str, Any]:
    """What may be told again later: never the token itself."""
    return {
        "id": str(token.id),
        "name": token.name,
        "app": token.app or "",
        "read_only": token.read_only,
        "created_by": token.created_by,
        "created_at": time_to_wire(token.created_at),
        "expires_at": time_to_wire(token.expires_at) if token.expires_at else None,
    }


def tokens_to_wire(tokens: Iterable[Told]) -> dict[str, Any]:
    """A list."""
    return {"tokens": [token_to_wire(token) for token in tokens]}
