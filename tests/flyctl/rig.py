"""Requests as flyctl sends them, and playing a command's requests in their order."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from flyctl.shapes import ANYTHING, Shape, complaints, maybe, some

NONCE = "fly-machine-lease-nonce"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request. `{names}` in it stand for what earlier answers gave (`save`: name to path in the answer).

    `needs` is the answer's shape; `status` its HTTP status, or several that the client takes alike. `until` repeats the
    request, as a client that polls does, until the answer has that shape.
    """

    method: str
    path: str
    body: Any = None
    nonce: str = ""
    status: tuple[int, ...] = (200, 201, 202, 204)
    needs: Shape = ANYTHING
    until: Shape = None
    save: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Command:
    """`name` as a user types it; `missing` says why it does not work here: then it has no steps."""

    name: str
    tier: int
    steps: tuple[Step, ...] = ()
    missing: str = ""


def get(path: str, needs: Shape = ANYTHING, **more: Any) -> Step:
    return Step(method="GET", path=path, needs=needs, **more)


def post(path: str, body: Any = None, needs: Shape = ANYTHING, **more: Any) -> Step:
    return Step(method="POST", path=path, body=body, needs=needs, **more)


def put(path: str, body: Any, needs: Shape = ANYTHING, **more: Any) -> Step:
    return Step(method="PUT", path=path, body=body, needs=needs, **more)


def patch(path: str, body: Any, needs: Shape = ANYTHING, **more: Any) -> Step:
    return Step(method="PATCH", path=path, body=body, needs=needs, **more)


def delete(path: str, needs: Shape = ANYTHING, **more: Any) -> Step:
    return Step(method="DELETE", path=path, needs=needs, **more)


def graphql(
    query: str, needs: Shape, *, operation: str = "", save: Mapping[str, str] | None = None, **variables: Any
) -> Step:
    """`needs` is the shape of `data`."""
    body = {"query": " ".join(query.split()), "variables": variables}
    body |= {"operationName": operation} if operation else {}
    paths = {name: f"data.{path}" for name, path in (save or {}).items()}
    return post("/graphql", body, {"data": needs}, save=paths)


def graphql_error(query: str, text: Shape, **variables: Any) -> Step:
    """A question whose answer is an error in those words."""
    body = {"query": " ".join(query.split()), "variables": variables}
    first = {"message": text}
    return post("/graphql", body, {"errors": [first]})


def push(image: str, name: str) -> Step:
    """What docker does with an image that it has built: it goes to the registry, with the token as the password."""
    return Step(method="PUSH", path=name, body=image)


@dataclass
class Session:
    """What a client knows while it goes from command to command. `token` is the API's."""

    http: httpx2.Client
    token: str
    known: dict[str, str]

    def play(self, command: Command) -> list[str]:
        """How the answers were not what the client needs; empty when all were."""
        for number, step in enumerate(command.steps, 1):
            filled = self._filled(step)
            wrong = self._ask(filled)
            if wrong:
                return [f"step {number}, {filled.method} {filled.path}: {line}" for line in wrong]
        return []

    def _ask(self, step: Step) -> list[str]:
        if step.method == "PUSH":
            return _push(step.body, step.path, self.token)
        headers = {NONCE: step.nonce} if step.nonce else {}
        for _attempt in range(120 if step.until is not None else 1):
            answer = self.http.request(step.method, step.path, json=step.body, headers=headers)
            if answer.status_code not in step.status:
                return [f"status {answer.status_code}: {answer.text[:500]}"]
            told = answer.json() if answer.content else None
            if step.until is None or not complaints(told, step.until):
                break
            self.http.get("/v1/platform/regions")  # a moment, without sleeping
        else:
            return [f"it did not come to {step.until}: {complaints(told, step.until)}"]
        wrong = complaints(told, step.needs)
        if not wrong:
            self.known |= {name: str(_reach(told, path)) for name, path in step.save.items()}
        return wrong

    def _filled(self, step: Step) -> Step:
        fields = ("path", "body", "nonce", "needs", "until")
        return replace(step, **{name: _fill(getattr(step, name), self.known) for name in fields})


def _push(image: str, name: str, token: str) -> list[str]:
    words = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"--dest-creds=x:{token}"]
    pushed = subprocess.run([*words, image, f"docker://{name}"], capture_output=True, text=True, timeout=60)
    return [pushed.stderr] if pushed.returncode else []


def _fill(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in known.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, Mapping):
        return {key: _fill(one, known) for key, one in value.items()}
    if isinstance(value, some | maybe):
        return replace(value, shape=_fill(value.shape, known))
    if isinstance(value, Sequence):
        return [_fill(one, known) for one in value]
    return value


def _reach(told: Any, path: str) -> Any:
    for part in path.split("."):
        told = told[int(part)] if part.isdecimal() else told[part]
    return told
