"""Tokens; the routes are ours."""

from __future__ import annotations

from caddis.client.request import Request, get, post, segment

_PATH = "/api/v1/tokens"


def list_tokens(app: str = "") -> Request:
    """`{"tokens": [...]}` of an app, or without one those for the whole organization."""
    return get(_PATH, query=(("app", app),) if app else ())


def create_token(kind: str, *, name: str, expiry: str, app: str = "", organization: str = "") -> Request:
    """`{"token": …}`, told this once; `kind`: deploy, org or readonly."""
    body = {"kind": kind, "name": name, "expiry": expiry, "app": app, "organization": organization}
    return post(_PATH, body)


def revoke_token(id: str) -> Request:
    """It ends at once; NotFound when the organization has none of that id."""
    return Request(method="DELETE", path=f"{_PATH}/{segment(id)}")
