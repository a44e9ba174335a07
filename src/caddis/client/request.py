"""A request to the API, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

READ_SECONDS = 120.0  # longer than the slowest single thing that the API does while we wait for the answer

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` is absolute; `body` is JSON unless None; `nonce` proves a machine's lease; `deadline` in seconds."""

    method: str
    path: str
    query: Query = ()
    body: Any = None
    nonce: str | None = None
    deadline: float = READ_SECONDS


def segment(text: str) -> str:
    """One part of a path; nothing a person types can leave it."""
    return quote(text, safe="")


def get(path: str, *, query: Query = (), deadline: float = READ_SECONDS) -> Request:
    """Shorthand for reading."""
    return Request(method="GET", path=path, query=query, deadline=deadline)


def post(path: str, body: Any = None, *, query: Query = (), nonce: str | None = None) -> Request:
    """Shorthand for asking for a change."""
    return Request(method="POST", path=path, body=body, query=query, nonce=nonce)
