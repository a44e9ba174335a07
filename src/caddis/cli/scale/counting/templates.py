"""What a new machine of a process group is to be (facts: cli-deploy-launch 4.1)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caddis.cli.call import Call
from caddis.cli.machine.show_machine import config_of
from caddis.cli.scale.counting.plan import Mount
from caddis.client.releases import get_current_release
from caddis.client.snapshots import list_snapshots
from caddis.domain.errors import NotFound

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

Wire = Mapping[str, Any]
DEFAULT_VOLUME_GB = 1
_OF_ONE_VOLUME = ("volume", "size_gb", "encrypted")


@dataclass(frozen=True, slots=True)
class Released:
    """The app's current release, and its configuration."""

    release: Wire
    config: FlyToml


def get_released(call: Call, app: str) -> Released:
    """NotFound before the first release is complete."""
    from caddis.wire.fly_toml.definition import from_definition

    try:
        release: Wire = call.send(get_current_release(app))
    except NotFound as absent:
        raise NotFound(
            f"the app {app} has no complete release yet, so there is nothing to make more of",
            hint=f"fly deploy -a {app}",
        ) from absent
    return Released(release, from_definition(release.get("definition") or {}))


@dataclass(frozen=True, slots=True)
class Template:
    """A new machine's config, without its volume. `mount` is the rest of its mount, `wanted` the volume for it."""

    document: dict[str, Any]
    mount: Wire | None = None
    wanted: Mount | None = None
    volume: str = ""  # the volume of the machine that this was taken from

    def config(self, volume: str | None) -> dict[str, Any]:
        """The whole config of a machine with that volume."""
        document = copy.deepcopy(self.document)
        if self.mount is not None and volume is not None:
            document["mounts"] = [{**self.mount, "volume": volume}]
        return document


def template_of(machine: Wire) -> Template:
    """As that machine is, but nobody's standby, and with a volume of its own."""
    document = copy.deepcopy(dict(config_of(machine)))
    mounts = document.pop("mounts", None) or []
    if document.pop("standbys", None):
        (document.get("env") or {}).pop("FLY_STANDBY_FOR", None)
    if not mounts:
        return Template(document)
    mount = {key: value for key, value in mounts[0].items() if key not in _OF_ONE_VOLUME}
    wanted = Mount(
        name=str(mounts[0].get("name") or ""),
        size_gb=int(mounts[0].get("size_gb") or DEFAULT_VOLUME_GB),
        encrypted=mounts[0].get("encrypted") is not False,
    )
    return Template(document, mount, wanted, str(mounts[0].get("volume", "")))


def template_from_release(call: Call, released: Released, group: str, volumes: Sequence[Wire]) -> Template:
    """As a deploy of that release would make a machine of a group that has none."""
    from caddis.cli.deploy.wanted import Documents, guest_of_new_machines, read_files
    from caddis.wire.fly_toml.groups import mounts_for
    from caddis.wire.fly_toml.sizes import parse_gb

    config, release = released.config, released.release
    documents = Documents(
        config=config,
        image=str(release["image_ref"]),
        release_id=str(release["id"]),
        release_version=int(release["version"]),
        env={},
        files=read_files(config, Path.cwd()),
        new_guest=guest_of_new_machines(call),
    )
    mounts = mounts_for(config, group)
    if not mounts:
        return Template(documents.document(group, volume=None))
    document = documents.document(group, volume="")
    mount = {key: value for key, value in document.pop("mounts")[0].items() if key not in _OF_ONE_VOLUME}
    largest = max((int(one["size_gb"]) for one in volumes if one["name"] == mounts[0].source), default=0)
    initial = parse_gb(mounts[0].initial_size, field="mounts.initial_size") if mounts[0].initial_size else 0
    return Template(document, mount, Mount(name=mounts[0].source, size_gb=largest or initial or DEFAULT_VOLUME_GB))


def find_last_snapshot(call: Call, app: str, volumes: Sequence[str], *, name: str) -> str:
    """The newest finished snapshot of any of these; NotFound, with the command that makes one, when there is none."""
    found = [one for volume in volumes for one in call.send(list_snapshots(app, volume)) if one["status"] == "created"]
    if not found:
        of = f"volume {volumes[0]} ({name})" if volumes else f"a volume named {name}"
        raise NotFound(
            f"there is no finished snapshot of {of} to start from",
            hint=f"fly volumes snapshots create {volumes[0] if volumes else 'ID'} -a {app}",
        )
    return str(max(found, key=lambda one: str(one["created_at"]))["id"])
