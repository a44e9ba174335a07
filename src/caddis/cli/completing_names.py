"""Names for completion that only the server knows: quickly or not at all, and never a word about what went wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from caddis.cli.completing import Candidate, Place, Source
from caddis.client.request import Request

SECONDS = 1.5  # somebody has pressed a key, and waits
Send = Callable[[Request], Any]


def names_in_time(place: Place, environment: Mapping[str, str]) -> list[Candidate]:
    """What the server knows; what it has told so far when the time is over, and nothing when it cannot be asked."""
    found: list[Candidate] = []

    def look() -> None:
        try:
            for candidate in _look(place, environment):
                found.append(candidate)
        except Exception:  # noqa: BLE001  # the top of the thread: completion that fails is silent
            pass

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return list(found)


def _look(place: Place, environment: Mapping[str, str]) -> Iterator[Candidate]:
    from caddis.client.settings import load_settings
    from caddis.client.transport import Client

    with closing(Client(load_settings(environment, token=place.given.get("access-token", "")))) as client:

        def send(request: Request) -> Any:
            return client.send(replace(request, deadline=SECONDS))

        yield from _ask(place, environment, send)


def _ask(place: Place, environment: Mapping[str, str], send: Send) -> Iterator[Candidate]:
    match place.source:
        case Source.APPS:
            yield from _apps(send, place.given.get("org", ""))
        case Source.ORGANIZATIONS:
            from caddis.client.apps import list_organizations

            for one in send(list_organizations())["organizations"]:
                yield Candidate(one["slug"], one["name"])
        case Source.REGIONS:
            from caddis.client.platform import list_regions

            for one in send(list_regions())["regions"]:
                yield Candidate(one["code"], one["name"])
        case Source() as source:
            app = _app(place.given, environment)
            if app:
                yield from _OF_APPS[source](send, app)


def _app(given: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """As `Call.find_app`."""
    named = given.get("app") or environment.get("FLY_APP", "")
    if named:
        return named
    from caddis.cli.config_file import find_config, read_app_name

    path = find_config(given.get("config", ""), Path(os.getcwd()))
    return read_app_name(path) if path else ""


def _apps(send: Send, organization: str) -> Iterator[Candidate]:
    from caddis.client.apps import list_apps, list_organizations

    slugs = [organization] if organization else [one["slug"] for one in send(list_organizations())["organizations"]]
    for slug in slugs:
        for app in send(list_apps(slug))["apps"]:
            yield Candidate(app["name"], app["status"])


def _machines(send: Send, app: str) -> Iterator[Candidate]:
    from caddis.client.machines import list_machines

    for one in send(list_machines(app)):
        yield Candidate(one["id"], f"{one['name']}, {one['region']}, {one['state']}")


def _groups(send: Send, app: str) -> Iterator[Candidate]:
    from caddis.cli.machine.show_machine import group_of
    from caddis.client.machines import list_machines

    groups = [group_of(one) for one in send(list_machines(app))]
    for group in sorted({group for group in groups if group}):
        yield Candidate(group, f"{groups.count(group)} machine{'s' if groups.count(group) > 1 else ''}")


def _volumes(send: Send, app: str, *, destroyed: bool = False) -> Iterator[Candidate]:
    from caddis.cli.volumes.show_volume import is_shown
    from caddis.client.volumes import list_volumes

    for one in send(list_volumes(app)):
        if is_shown(one) is not destroyed:
            yield Candidate(one["id"], f"{one['name']}, {one['size_gb']} GB, {one['region']}, {one['state']}")


def _destroyed_volumes(send: Send, app: str) -> Iterator[Candidate]:
    return _volumes(send, app, destroyed=True)


def _snapshots(send: Send, app: str) -> Iterator[Candidate]:
    from caddis.client.snapshots import list_snapshots
    from caddis.client.volumes import list_volumes

    for volume in send(list_volumes(app)):
        for one in send(list_snapshots(app, volume["id"])):
            yield Candidate(one["id"], f"{volume['name']}, {one['created_at']}, {one['status']}")


def _releases(send: Send, app: str) -> Iterator[Candidate]:
    from caddis.client.releases import list_releases

    for one in send(list_releases(app, limit=25))["releases"]:
        yield Candidate(f"v{one['version']}", f"{one['status']}, {one['image_ref']}")


_OF_APPS: Mapping[Source, Callable[[Send, str], Iterator[Candidate]]] = {
    Source.MACHINES: _machines,
    Source.GROUPS: _groups,
    Source.RELEASES: _releases,
    Source.VOLUMES: _volumes,
    Source.DESTROYED_VOLUMES: _destroyed_volumes,
    Source.SNAPSHOTS: _snapshots,
}
