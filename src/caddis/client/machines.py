"""Machines, their leases and what runs in them (facts: machines-api 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.client.apps import app_path
from caddis.client.request import Request, get, post, segment

LONGEST_WAIT = 60  # seconds that the API holds one wait


def _path(app: str, machine: str) -> str:
    return f"{app_path(app)}/machines/{segment(machine)}"


def list_machines(app: str) -> Request:
    """All that are not destroyed."""
    return get(f"{app_path(app)}/machines")


def get_machine(app: str, machine: str) -> Request:
    """NotFound when the app has none of that id."""
    return get(_path(app, machine))


def find_machine(machine: str) -> Request:
    """Whatever its app, which is the answer's `app_name`. NotFound also when the token does not reach that app."""
    return get(f"/api/v1/machines/{segment(machine)}")


def create_machine(app: str, body: Mapping[str, Any]) -> Request:
    """`body` in Fly's spelling (facts: machines-api 4.3)."""
    return post(f"{app_path(app)}/machines", dict(body))


def update_machine(app: str, machine: str, body: Mapping[str, Any], *, nonce: str | None) -> Request:
    """A new version of the same machine; its config is replaced as a whole."""
    return post(_path(app, machine), dict(body), nonce=nonce)


def start_machine(app: str, machine: str, *, nonce: str | None = None) -> Request:
    """Ask for it to run."""
    return post(f"{_path(app, machine)}/start", nonce=nonce)


def stop_machine(app: str, machine: str, *, signal: str = "", seconds: float = 0, nonce: str | None = None) -> Request:
    """Ask for it to stop; 0 seconds and no signal mean as its config says."""
    body: dict[str, Any] = {"id": machine, "timeout": f"{seconds:g}s"}
    if signal:
        body["signal"] = signal
    return post(f"{_path(app, machine)}/stop", body, nonce=nonce)


def restart_machine(
    app: str, machine: str, *, signal: str = "", seconds: float = 0, force: bool = False, nonce: str | None = None
) -> Request:
    """Ask for it to stop and start again."""
    query = [("force_stop", "true" if force else "false")]
    if seconds:
        query.append(("timeout", f"{seconds:g}s"))
    if signal:
        query.append(("signal", signal))
    return post(f"{_path(app, machine)}/restart", query=tuple(query), nonce=nonce)


def destroy_machine(app: str, machine: str, *, kill: bool, nonce: str | None = None) -> Request:
    """Conflict when it runs and `kill` is not set."""
    query = (("kill", "true" if kill else "false"),)
    return Request(method="DELETE", path=_path(app, machine), query=query, nonce=nonce)


def wait_for(app: str, machine: str, states: Sequence[str], *, seconds: int) -> Request:
    """Held until one of the states is reached; TimedOut after `seconds` (at most 60)."""
    held = max(1, min(seconds, LONGEST_WAIT))
    query = [*(("state", state) for state in states), ("timeout", str(held))]
    return get(f"{_path(app, machine)}/wait", query=tuple(query), deadline=held + 15.0)


def execute(app: str, machine: str, command: str, *, seconds: int, stdin: str = "") -> Request:
    """Run a command line inside, to its end, with text for it to read."""
    return Request(
        method="POST",
        path=f"{_path(app, machine)}/exec",
        body={"cmd": command, "timeout": seconds, **({"stdin": stdin} if stdin else {})},
        deadline=seconds + 15.0,
    )


def acquire_lease(app: str, machine: str, *, ttl: int, nonce: str | None = None) -> Request:
    """With a `nonce`: refresh. LeaseHeld when it is somebody else's."""
    return post(f"{_path(app, machine)}/lease", query=(("ttl", str(ttl)),), nonce=nonce)


def release_lease(app: str, machine: str, *, nonce: str) -> Request:
    """Give it back before it ends by itself."""
    return Request(method="DELETE", path=f"{_path(app, machine)}/lease", nonce=nonce)


def list_processes(app: str, machine: str) -> Request:
    """What runs inside, and what it listens on."""
    return get(f"{_path(app, machine)}/ps")


def set_metadata(app: str, machine: str, key: str, value: str, *, nonce: str | None = None) -> Request:
    """ "" deletes the key. Not a new version of the machine."""
    path = f"{_path(app, machine)}/metadata/{segment(key)}"
    if not value:
        return Request(method="DELETE", path=path, nonce=nonce)
    return post(path, {"value": value}, nonce=nonce)


def get_lease(app: str, machine: str) -> Request:
    """Who holds it, and until when; NotFound when nobody does."""
    return get(f"{_path(app, machine)}/lease")


def signal_machine(app: str, machine: str, number: int) -> Request:
    """Send a signal to what runs inside; Conflict when nothing does."""
    return post(f"{_path(app, machine)}/signal", {"signal": number})


def set_cordoned(app: str, machine: str, *, cordoned: bool, nonce: str | None = None) -> Request:
    """Whether traffic is kept from it."""
    return post(f"{_path(app, machine)}/{'cordon' if cordoned else 'uncordon'}", nonce=nonce)


def suspend_machine(app: str, machine: str, *, nonce: str | None = None) -> Request:
    """Ask for its memory to be put to disk; the server says whether it can."""
    return post(f"{_path(app, machine)}/suspend", nonce=nonce)
