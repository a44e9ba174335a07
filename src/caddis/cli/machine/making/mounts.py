"""`-v <vol_id or name>:/path[:opts]` (facts: cli-deploy-launch 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caddis.cli.call import Call
from caddis.client.volumes import list_volumes
from caddis.domain.errors import Invalid, NotFound
from caddis.domain.volume import check_mount_path

USABLE = ("created", "extending")


@dataclass(frozen=True, slots=True)
class MountFlag:
    """What one `-v` says; options are read over, as flyctl does."""

    volume: str  # an id (vol_…) or a name
    path: str

    @property
    def is_id(self) -> bool:
        """Whether the volume is named by its id."""
        return self.volume.startswith("vol_")


def parse_mounts(given: Sequence[str]) -> list[MountFlag]:
    """In order; of two for the same path the last one holds. Invalid for more than one path. Pure."""
    mounts: dict[str, MountFlag] = {}
    for text in given:
        volume, colon, rest = text.partition(":")
        path = rest.partition(":")[0]
        if not colon or not volume or not path:
            raise Invalid(f"Can't infer volume and mount path from '{text}'", hint="write it like -v my_data:/data")
        mounts[check_mount_path(path)] = MountFlag(volume, path)
    if len(mounts) > 1:
        raise Invalid(f"--volume is given for {len(mounts)} paths: a machine mounts at most one volume")
    return list(mounts.values())


def choose_volumes(call: Call, app: str, mounts: Sequence[MountFlag], region: str) -> list[dict[str, str]]:
    """As the config has them: an id as it is, a name as the first volume of that name in `region` that is free."""
    chosen = []
    taken: set[str] = set()
    for mount in mounts:
        volume = mount.volume if mount.is_id else _find_free(call, app, mount.volume, region=region, taken=taken)
        taken.add(volume)
        chosen.append({"volume": volume, "path": mount.path})
    return chosen


def _find_free(call: Call, app: str, name: str, *, region: str, taken: set[str]) -> str:
    free = [
        volume
        for volume in call.send(list_volumes(app))
        if volume.get("attached_machine_id") is None
        and volume.get("host_status") == "ok"
        and volume["state"] in USABLE
        and volume["region"] == region
    ]
    hint = f"fly volumes create {name} --region {region} -a {app}"
    if not free:
        raise NotFound(f"No unattached volumes in region '{region}'", hint=hint)
    named = [str(volume["id"]) for volume in free if volume["name"] == name and volume["id"] not in taken]
    if not named:
        raise NotFound(f"not enough unattached volumes for '{name}' in region '{region}'", hint=hint)
    return named[0]
