"""`fly machine clone`: another machine like one that is there (facts: cli-deploy-launch 5.3)."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caddis.cli.call import Call
from caddis.cli.guest import any_given, guest_from_flags, guest_to_wire
from caddis.cli.machine.making.config import stand_by_for
from caddis.cli.machine.making.launching import START_SECONDS, await_checks
from caddis.cli.machine.making.updating import require_host
from caddis.cli.machine.selection import choose_app, chosen_machine, get_one
from caddis.cli.machine.show_machine import config_of
from caddis.cli.machine.waiting import await_started, await_volume
from caddis.cli.region import check_region
from caddis.client.machines import create_machine
from caddis.client.platform import list_regions
from caddis.client.snapshots import list_snapshots
from caddis.client.volumes import create_volume, get_volume
from caddis.domain.errors import Conflict, Invalid, NoCapacity, NotFound, Problem
from caddis.domain.machine import Guest
from caddis.domain.volume import check_mount_path

Wire = Mapping[str, Any]
_OF_ONE_VOLUME = ("volume", "size_gb", "encrypted")


@dataclass(frozen=True, slots=True)
class _Attach:
    """What --attach-volume says: a volume that is there, and where it is to appear ("" for as in the source)."""

    volume: Wire
    path: str


def clone(call: Call) -> None:
    """What can be refused is refused before a volume is made."""
    app = choose_app(call)
    source = get_one(call, app, chosen_machine(call, app, call.arguments))
    require_host(source)
    config = _config(call, source)
    mounts = config.pop("mounts", None) or []
    if len(mounts) > 1:
        raise Invalid(f"machine {source['id']} has {len(mounts)} mounts: only one with a single mount can be cloned")
    attach = _find_attach(call, app)
    region = _region(call, source, attach)
    call.say(f"Cloning Machine {source['id']} into region {region}")
    if attach is not None:
        config["mounts"] = [_attached(call, source, mounts, attach)]
    elif mounts:
        config["mounts"] = [_with_new_volume(call, app, mounts[0], region)]
    call.say(f"Provisioning a new Machine with image {config['image']}...")
    runs = not config.get("standbys")
    body = {"config": config, "name": call.text("name"), "region": region, "skip_launch": not runs}
    try:
        machine = call.send(create_machine(app, body))
    except Problem:
        if attach is None and mounts:
            call.note(f"Volume {config['mounts'][0]['volume']} was made for it, and waits unattached", "yellow")
        raise
    call.say(f"  Machine {machine['id']} has been created...")
    if runs and not call.switch("detach"):
        call.say(f"  Waiting for Machine {machine['id']} to start...")
        await_started(call.client, app, str(machine["id"]), seconds=START_SECONDS)
        await_checks(call, app, machine)
    call.say("Machine has been successfully cloned!")


def _config(call: Call, source: Wire) -> dict[str, Any]:
    config = copy.deepcopy(dict(config_of(source)))
    init = dict(config.get("init") or {})
    if call.switch("clear-cmd"):
        init.pop("cmd", None)
    if call.text("override-cmd"):
        try:
            init["cmd"] = shlex.split(call.text("override-cmd"))
        except ValueError as wrong:
            raise Invalid(f"--override-cmd cannot be split into words: {wrong}") from wrong
    config["init"] = init
    if call.switch("clear-auto-destroy"):
        config["auto_destroy"] = False
    if call.given("standby-for"):
        named = call.items("standby-for")
        stand_by_for(config, [str(source["id"]) if machine == "source" else machine for machine in named])
    if any_given(call):
        guest = config.get("guest") or {}
        now = Guest(**{key: guest[key] for key in ("cpu_kind", "cpus", "memory_mb") if guest.get(key)})
        config["guest"] = {**guest, **guest_to_wire(guest_from_flags(call, default=now))}
    return config


def _find_attach(call: Call, app: str) -> _Attach | None:
    wanted = call.text("attach-volume")
    if not wanted:
        return None
    if call.text("from-snapshot"):
        raise Invalid("--attach-volume and --from-snapshot exclude each other: one volume is there, the other is made")
    name, _, path = wanted.partition(":")
    try:
        volume = call.send(get_volume(app, name))
    except NotFound as absent:
        raise NotFound(
            f"could not get existing volume: {absent.message}", hint=f"fly volumes list -a {app}"
        ) from absent
    if volume.get("attached_machine_id"):
        raise Conflict(
            f"volume {name} is already attached to a machine", hint="leave --attach-volume out: a new one is made"
        )
    return _Attach(volume, check_mount_path(path) if path else "")


def _region(call: Call, source: Wire, attach: _Attach | None) -> str:
    wanted = call.text("region")
    if attach is not None:
        region = str(attach.volume["region"])
        if call.given("region") and wanted != region:
            raise Invalid(
                f"volume {attach.volume['id']} is in region {region}, and --region says {wanted}",
                hint=f"use --region {region}, or leave it out",
            )
        return region
    return check_region(wanted, call.send(list_regions())) if wanted else str(source["region"])


def _attached(call: Call, source: Wire, mounts: list[Wire], attach: _Attach) -> dict[str, Any]:
    path = attach.path or (str(mounts[0]["path"]) if mounts else "")
    if not path:
        raise Invalid(
            f"Please specify a mount path on '{attach.volume['id']}': machine {source['id']} mounts nothing",
            hint=f"--attach-volume {attach.volume['id']}:/path/inside",
        )
    if mounts and attach.path:
        call.note(f"Info: --attach-volume overrides the source's mount path {mounts[0]['path']} with {path}")
    kept = {key: value for key, value in (mounts[0] if mounts else {}).items() if key not in (*_OF_ONE_VOLUME, "name")}
    return {**kept, "volume": str(attach.volume["id"]), "path": path}


def _with_new_volume(call: Call, app: str, mount: Wire, region: str) -> dict[str, Any]:
    """The mount with a new volume like the source's; empty, or filled from a snapshot."""
    snapshot = _snapshot(call, app, mount)
    if not snapshot:
        call.say(f"Volume '{mount['name']}' will start empty")
    else:
        call.say(f"Creating new volume from snapshot: {snapshot}")
    wish = {
        "name": mount["name"],
        "region": region,
        "size_gb": mount.get("size_gb"),
        "encrypted": mount.get("encrypted"),
        "snapshot_id": snapshot or None,
        "require_unique_zone": call.switch("volume-requires-unique-zone"),
    }
    volume = _create(call, app, wish)
    if snapshot:
        await_volume(call.client, app, str(volume["id"]))
    return {**{key: value for key, value in mount.items() if key not in _OF_ONE_VOLUME}, "volume": str(volume["id"])}


def _create(call: Call, app: str, wish: Wire) -> Wire:
    try:
        volume: Wire = call.send(create_volume(app, wish))
    except NoCapacity as full:
        if wish["require_unique_zone"]:
            full.hint = (
                f"{full.hint or ''} With --volume-requires-unique-zone=false the clone may share a zone.".strip()
            )
        raise
    return volume


def _snapshot(call: Call, app: str, mount: Wire) -> str:
    wanted = call.text("from-snapshot")
    if call.given("from-snapshot") and not wanted:
        raise Invalid("--from-snapshot is empty", hint="list a volume's snapshots: fly volumes snapshots list ID")
    if wanted != "last":
        return wanted
    found = [one for one in call.send(list_snapshots(app, str(mount["volume"]))) if one["status"] == "created"]
    if not found:
        call.note(f"No snapshot for source volume {mount['volume']}, the new volume will start empty", "yellow")
        return ""
    return str(max(found, key=lambda one: str(one["created_at"]))["id"])
