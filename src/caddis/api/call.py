"""One request, as an endpoint sees it: who calls, with what, and the control to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from caddis.catalog import apps, organizations
from caddis.catalog.tokens import Caller
from caddis.control.core import Control
from caddis.control.orders import Answer, Query
from caddis.domain.app import App, Organization
from caddis.domain.errors import Forbidden, Refused, TooLarge
from caddis.wire.body import document_from_body, document_to_body

JSON_LIMIT = 8 << 20  # bytes
NONCE_HEADER = "fly-machine-lease-nonce"


@dataclass(frozen=True, slots=True)
class Call:
    """`caller` is whoever holds the token; routes without tokens get none and must not ask."""

    request: Request
    control: Control
    caller: Caller

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    @property
    def query(self) -> Query:
        """All of the query, repetitions too, in order."""
        return tuple(self.request.query_params.multi_items())

    def option(self, name: str) -> str:
        """One value of the query, "" without it."""
        return self.request.query_params.get(name, "")

    def flag(self, name: str) -> bool:
        """One truth of the query."""
        return self.option(name).lower() in ("true", "1", "t", "yes")

    def count(self, name: str, default: int, *, most: int) -> int:
        """A number of the query, at most `most`."""
        text = self.option(name)
        if not text:
            return default
        if not text.isdecimal() or int(text) < 1:
            raise Refused(f"{name} is {text!r}: it must be a whole number from 1 to {most}", field=name)
        return min(int(text), most)

    @property
    def nonce(self) -> str | None:
        """What proves a lease."""
        return self.request.headers.get(NONCE_HEADER)

    async def stream(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it comes; TooLarge as soon as it is known to be more than `limit` bytes."""
        declared = self.request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise _too_large(limit)
        had = 0
        try:
            async for part in self.request.stream():
                had += len(part)
                if had > limit:
                    raise _too_large(limit)
                yield part
        except ClientDisconnect:
            raise Refused("the request ended in the middle of its body") from None

    async def body(self) -> bytes:
        """All of the body, bounded."""
        return b"".join([part async for part in self.stream(JSON_LIMIT)])

    async def document(self) -> dict[str, Any]:
        """The body's JSON object; an empty body is an empty one. Refused (400) if it is anything else."""
        document = document_from_body(await self.body())
        if not isinstance(document, dict):
            raise Refused("the request body is not a JSON object")
        return document

    async def checked_body(self) -> bytes | None:
        """The body to pass on: as it came, but known to be JSON."""
        body = await self.body()
        document_from_body(body)
        return body or None

    async def app(self, name: str | None = None) -> App:
        """The app of the path (or of that name).

        NotFound when the name is free, Forbidden when it is somebody else's: `fly launch` relies on the difference.
        """
        wanted = name if name is not None else self.path("app")
        self.check_reaches(wanted)
        app = await self.control.read(apps.get_app, wanted)
        if app.organization.id != self.caller.organization.id:
            raise Forbidden(f"app {wanted} belongs to another organization")
        return app

    def check_reaches(self, app: str) -> None:
        """Forbidden when the token is for another app."""
        if self.caller.app is not None and self.caller.app != app:
            raise Forbidden(f"this token is for app {self.caller.app}, not for {app}")

    async def organization(self, slug: str) -> Organization:
        """The organization of that slug; Forbidden when the token is of another one or for one app."""
        if self.caller.app is not None:
            raise Forbidden(f"this token is for app {self.caller.app}, not for a whole organization")
        organization = await self.control.read(organizations.get_organization, slug)
        if organization.id != self.caller.organization.id:
            raise Forbidden(f"this token does not reach organization {slug}")
        return organization


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request body is larger than {limit >> 20} MiB, the most that is read here")


def reply(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(document_to_body(document), status, headers, media_type="application/json")


def passed_on(answer: Answer, status: int | None = None) -> Response:
    """A host's answer, as it is."""
    code = answer.status if status is None or answer.status >= 400 else status
    return Response(answer.body, code, media_type=answer.content_type if answer.body else None)
