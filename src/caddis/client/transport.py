"""Carrying requests out over HTTP. The library is imported with the first request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from caddis import __version__
from caddis.client.request import Query, Request
from caddis.client.settings import Settings
from caddis.domain.errors import Problem, TimedOut, Unreachable

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Download:
    """A body on its way; `parts` raise Unreachable when it breaks off before its end."""

    headers: Mapping[str, str]
    parts: Iterator[bytes]


class Client:
    """One server and one token. May be used from several threads at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._http: httpx2.Client | None = None

    def send(self, request: Request) -> Any:
        """The decoded JSON of the answer, None when it has no body. Raises the Problem that the API tells of."""
        import httpx2

        headers = {"fly-machine-lease-nonce": request.nonce} if request.nonce else {}
        with self._plain_speech(request.method, request.path):
            answer = self._open().request(
                request.method,
                request.path,
                params=list(request.query),
                json=request.body,
                headers=headers,
                timeout=httpx2.Timeout(request.deadline, connect=min(CONNECT_SECONDS, request.deadline)),
            )
            return _decode(answer)

    def upload(self, path: str, query: Query, body: IO[bytes] | Iterable[bytes], *, deadline: float) -> Iterator[str]:
        """POST a file or parts, then the answer's lines as they come; `deadline` is the longest silence, in seconds."""
        import httpx2

        timeout = httpx2.Timeout(deadline, connect=CONNECT_SECONDS)
        headers = {"content-type": "application/x-tar"}
        with self._plain_speech("POST", path):
            with self._open().stream(
                "POST", path, params=list(query), content=body, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code > 299:
                    answer.read()
                    _decode(answer)
                yield from answer.iter_lines()

    def put(self, path: str, query: Query, body: Iterable[bytes], *, deadline: float) -> Any:
        """PUT parts; the decoded answer. `deadline` is the longest silence, in seconds."""
        import httpx2

        timeout = httpx2.Timeout(deadline, connect=CONNECT_SECONDS)
        with self._plain_speech("PUT", path):
            return _decode(self._open().put(path, params=list(query), content=body, timeout=timeout))

    @contextmanager
    def download(self, path: str, query: Query, *, deadline: float) -> Iterator[Download]:
        """GET a body of any length; `deadline` is the longest silence, in seconds."""
        import httpx2

        timeout = httpx2.Timeout(deadline, connect=CONNECT_SECONDS)
        with self._plain_speech("GET", path):
            with self._open().stream("GET", path, params=list(query), timeout=timeout) as answer:
                if answer.status_code > 299:
                    answer.read()
                    _decode(answer)
                yield Download(answer.headers, answer.iter_raw())

    def close(self) -> None:
        """Give back the connections."""
        if self._http is not None:
            self._http.close()

    def _open(self) -> httpx2.Client:
        import httpx2

        if self._http is None:
            token = self.settings.require_token()
            self._http = httpx2.Client(
                base_url=self.settings.url,
                headers={"authorization": f"Bearer {token}", "user-agent": f"caddis/{__version__}"},
                # a system's certificates take 30 ms to load: not for http://
                verify=self.settings.url.startswith("https:"),
                trust_env=False,
            )
        return self._http

    @contextmanager
    def _plain_speech(self, method: str, path: str) -> Iterator[None]:
        import httpx2

        url = self.settings.url
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as refused:
            raise Unreachable(
                f"cannot reach the server at {url}: is `caddis up` running?",
                hint="Start it with `caddis up`, or point FLY_FLAPS_BASE_URL at where it runs.",
            ) from refused
        except httpx2.TimeoutException as late:
            raise TimedOut(f"the server at {url} did not answer {method} {path} in time") from late
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as wrong:
            raise Unreachable(f"{url!r} is not the address of a server", hint="FLY_FLAPS_BASE_URL") from wrong
        except httpx2.HTTPError as broken:
            raise Unreachable(f"the connection to the server at {url} broke: {broken}") from broken


def _decode(answer: httpx2.Response) -> Any:
    if answer.status_code > 299:
        from caddis.wire.problem import problem_from_wire

        raise problem_from_wire(answer.status_code, answer.content)
    if not answer.content.strip():
        return None
    try:
        return json.loads(answer.content)
    except ValueError:
        raise Problem(
            f"the server answered {answer.request.method} {answer.request.url.path} with something that is not JSON",
            hint="Is FLY_FLAPS_BASE_URL the address of a Caddis server?",
        ) from None
