"""Which release to go back to, and which snapshots hold its data: pure. Releases come newest first, as listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caddis.domain.errors import Conflict, Invalid, NotFound

Wire = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A machine and its volume; `version` is that of the release which last changed the machine.

    `made_at` is when the volume was made.
    """

    machine: str
    group: str
    volume: str
    version: int
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comeback:
    """The data of one machine: the snapshot of `origin`, which its volume comes from, taken before release `before`."""

    held: Held
    snapshot: str
    origin: str
    before: int


def choose_target(releases: Sequence[Wire], version: int | None) -> Wire:
    """The release of that number, else the newest complete one before the newest; NotFound or Invalid without one."""
    if not releases:
        raise NotFound("there is no release to roll back to: the app was never deployed", hint="fly deploy")
    newest = int(releases[0]["version"])
    if version is None:
        earlier = next((one for one in releases[1:] if one["status"] == "complete"), None)
        if earlier is None:
            raise NotFound(f"there is no complete release before v{newest} to roll back to", hint="fly releases")
        return earlier
    target = next((one for one in releases if one["version"] == version), None)
    if target is None:
        raise NotFound(f"there is no release v{version}", hint="fly releases")
    if target["status"] != "complete":
        raise Invalid(f"release v{version} is {target['status']}: only a complete one can be brought back")
    if version == newest:
        raise Invalid(f"v{version} is the current release: there is nothing to roll back", hint="fly releases")
    return target


def find_data(releases: Sequence[Wire], target: int, machines: Sequence[Held]) -> list[Comeback]:
    """For each machine whose volume was touched after release `target`, the oldest snapshot from after it.

    That is the data as the release left it. Volumes are followed back over earlier rollbacks. Conflict, naming all,
    where there is none.
    """
    found, missing = [], []
    for held in machines:
        if held.version <= target:
            continue  # nothing was deployed to it since
        comeback = _follow(releases, target, held)
        if comeback is None:
            missing.append(f"{held.volume} of machine {held.machine} [{held.group}]")
        else:
            found.append(comeback)
    if missing:
        raise Conflict(
            f"no snapshot was taken of volume {', '.join(missing)} when release v{target} was replaced, so its data"
            " cannot be brought back",
            hint=f"Roll back without the data: fly releases rollback v{target}",
        )
    return found


def list_made_later(releases: Sequence[Wire], target: int, machines: Sequence[Held]) -> list[Held]:
    """Those whose volumes were made when release `target` had been replaced: they have no data of then."""
    since = [one for one in releases if int(one["version"]) > target]
    if not since:
        return []
    replaced_at = datetime.fromisoformat(since[-1]["created_at"])
    return [one for one in machines if one.made_at > replaced_at and _follow(releases, target, one) is None]


def _follow(releases: Sequence[Wire], target: int, held: Held) -> Comeback | None:
    volume, found = held.volume, None
    for release in releases:
        if int(release["version"]) <= target:
            break
        notes = release.get("metadata") or {}
        volume = next((one["volume"] for one in notes.get("moved") or [] if _leads_to(one, volume)), volume)
        for one in notes.get("snapshots") or []:
            if one["volume"] == volume:
                before, snapshot = int(release["version"]), str(one["snapshot"])
                found = Comeback(held=held, snapshot=snapshot, origin=volume, before=before)
                break  # the first of a release is from before its first try
    return found


def _leads_to(moved: Wire, volume: str) -> bool:
    return bool(moved.get("volume")) and moved["volume"] != volume and moved.get("to_volume") == volume
