"""What fly.toml and the flags want, as the planner wants to see it, and each machine's config document."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caddis import __version__
from caddis.cli.call import Call
from caddis.cli.deploy.moves import GroupWish, MountWish, Wanted
from caddis.cli.deploy.options import read_pairs
from caddis.cli.guest import guest_from_flags, guest_to_wire
from caddis.domain.errors import Invalid
from caddis.domain.machine import Guest
from caddis.wire.fly_toml.groups import (
    group_names,
    guest_for,
    has_services,
    mounts_for,
    sections_for,
    services_for,
)
from caddis.wire.fly_toml.machine import Deployed, to_machine_config
from caddis.wire.fly_toml.sizes import parse_gb

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml, Mount

Wire = Mapping[str, Any]


def read_wanted(call: Call, config: FlyToml, *, region: str) -> Wanted:
    """The process groups with their mounts; --process-groups leaves the others alone."""
    only = call.items("process-groups")
    names = group_names(config)
    for name in only:
        if name not in names:
            raise Invalid(f"process group {name!r} is not in fly.toml: it has {', '.join(names)}")
    groups = [_group(config, name) for name in names if not only or name in only]
    return Wanted(
        groups=tuple(groups),
        region=region,
        ha=call.switch("ha"),
        update_only=call.switch("update-only"),
        volume_size=call.number("volume-initial-size"),
    )


def _group(config: FlyToml, name: str) -> GroupWish:
    mounts = mounts_for(config, name)
    return GroupWish(
        name=name,
        mount=_mount(mounts[0]) if mounts else None,
        has_services=has_services(config, name),
        has_checks=_has_checks(config, name),
    )


def _has_checks(config: FlyToml, name: str) -> bool:
    services = services_for(config, name)
    http = sections_for(config, (config.http_service,), name) if config.http_service else ()
    return (
        bool(sections_for(config, tuple(config.checks.values()), name))
        or any(service.tcp_checks or service.http_checks for service in services)
        or any(one.checks for one in http)
    )


def _mount(mount: Mount) -> MountWish:
    return MountWish(
        source=mount.source,
        destination=mount.destination,
        initial_size=parse_gb(mount.initial_size, field="mounts.initial_size") if mount.initial_size else 0,
        snapshot_retention=mount.snapshot_retention,
        scheduled_snapshots=mount.scheduled_snapshots,
    )


_SENSITIVE = re.compile(r"(?i)password|passwd|secret|token|api_?key|private_?key|credential|database_url")


def check_env_names(env: Mapping[str, str]) -> list[str]:
    """Names that look as if their values should not stand in a file."""
    return [name for name in env if _SENSITIVE.search(name)]


def read_extra_files(call: Call, folder: Path) -> list[dict[str, str]]:
    """--file-local, --file-literal and --file-secret as a config's `files`; Invalid where one cannot be."""
    files = []
    for flag in ("file-local", "file-literal", "file-secret"):
        for path, value in read_pairs(call.many(flag), f"--{flag}").items():
            if not path.startswith("/"):
                raise Invalid(f"--{flag} {path}=…: the path in the machine must be absolute, like /etc/{path}")
            if flag == "file-secret":
                files.append({"guest_path": path, "secret_name": value})
                continue
            content = _read(folder / value, value) if flag == "file-local" else value.encode()
            files.append({"guest_path": path, "raw_value": base64.b64encode(content).decode()})
    return files


def _read(path: Path, named: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as unreadable:
        raise Invalid(f"could not read file {named}: {unreadable.strerror}") from unreadable


def read_files(config: FlyToml, folder: Path) -> dict[str, bytes]:
    """The local files that [[files]] names; Invalid, naming it, when one cannot be read."""
    contents = {}
    for file in config.files:
        if file.local_path:
            contents[file.local_path] = _read(folder / file.local_path, file.local_path)
    return contents


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Makes the config documents of one release. `new_guest` is for machines whose size fly.toml does not say."""

    config: FlyToml
    image: str
    release_id: str
    release_version: int
    env: Mapping[str, str]
    files: Mapping[str, bytes]
    extra_files: Sequence[Mapping[str, str]] = ()
    new_guest: Guest

    def document(self, group: str, *, volume: str | None, now: Wire | None = None) -> dict[str, Any]:
        """For a machine of `group`; `now` is the config that it has, whose size it keeps without [[vm]]."""
        deployed = Deployed(
            image=self.image,
            release_id=self.release_id,
            release_version=self.release_version,
            client_version=__version__,
            files=self.files,
        )
        document = to_machine_config(self.config, group, deployed)
        document["env"] = {**document["env"], **self.env}
        document.pop("statics", None)  # nobody serves them, and rollout.py has said so
        if self.extra_files:
            named = {file["guest_path"] for file in self.extra_files}
            files = [file for file in document.get("files") or [] if file["guest_path"] not in named]
            document["files"] = [*files, *map(dict, self.extra_files)]
        if guest_for(self.config, group) is None:
            document["guest"] = (now or {}).get("guest") or guest_to_wire(self.new_guest)
        if volume is not None:
            document["mounts"] = [self._mount(group, volume)]
        return document

    def _mount(self, group: str, volume: str) -> dict[str, Any]:
        mount = mounts_for(self.config, group)[0]
        document: dict[str, Any] = {"volume": volume, "path": mount.destination, "name": mount.source}
        if mount.auto_extend_size_threshold:
            document["extend_threshold_percent"] = mount.auto_extend_size_threshold
        for key, text in (
            ("add_size_gb", mount.auto_extend_size_increment),
            ("size_gb_limit", mount.auto_extend_size_limit),
        ):
            if text:
                document[key] = parse_gb(text, field=f"mounts.{key}")
        return document


def guest_of_new_machines(call: Call) -> Guest:
    """--vm-*, else one shared CPU with 256 MB."""
    return guest_from_flags(call, default=Guest())
