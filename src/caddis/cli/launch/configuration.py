"""The fly.toml that a launch writes (facts: cli-deploy-launch 2.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.deploy.options import read_pairs
from caddis.cli.launch.mounts import mount_for_path, read_volume_flags
from caddis.cli.launch.scanners.source import Source
from caddis.cli.launch.settings import Settings
from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import Build, Deploy, FlyToml, HttpService, Mount, Vm

if TYPE_CHECKING:
    from pathlib import Path

_AUTO_STOP = ("off", "stop", "suspend")
_BLANK = Source(family="")


def find_mounts(call: Call, source: Source | None, old: FlyToml | None) -> tuple[Mount, ...]:
    """--volume, else an old file's, else where the source keeps data."""
    volumes = call.many("volume")
    if volumes:
        return read_volume_flags(volumes)
    if old is not None and old.mounts:
        return old.mounts
    return (mount_for_path(source.volume),) if source is not None and source.volume else ()


def make_config(call: Call, settings: Settings, *, source: Source | None, old: FlyToml | None, folder: Path) -> FlyToml:
    """A new file, or an old one with the app's new name and region. Invalid when it could not be deployed."""
    found, mounts = source or _BLANK, find_mounts(call, source, old)
    base = replace(old or FlyToml(), app=settings.name, primary_region=settings.region, mounts=mounts)
    if found.image:
        base = replace(base, build=replace(base.build or Build(), image=found.image))
    elif found.dockerfile is not None and call.text("dockerfile"):
        base = replace(base, build=replace(base.build or Build(), dockerfile=_relative(found.dockerfile, folder)))
    if call.text("command"):
        base = replace(base, processes={"app": call.text("command")})
    env = {**(found.env if old is None else {}), **base.env, **read_pairs(call.many("env"), "--env")}
    base = replace(base, env=env)
    if old is None:
        base = replace(base, http_service=_http_service(call, found))
        if found.release_command:
            base = replace(base, deploy=Deploy(release_command=found.release_command))
    elif base.http_service is not None and (port := _other_port(call, found)):
        base = replace(base, http_service=replace(base.http_service, internal_port=port))
    if not base.vm or settings.guest_is_chosen:
        guest = settings.guest
        memory = f"{guest.memory_mb // 1024}gb" if guest.memory_mb % 1024 == 0 else f"{guest.memory_mb}mb"
        base = replace(base, vm=(Vm(memory=memory, cpu_kind=guest.cpu_kind, cpus=guest.cpus),))
    _check(base)
    return base


def _check(config: FlyToml) -> None:
    """What deploy would refuse is refused before there is an app."""
    from caddis.wire.fly_toml.validate import validate

    wrong = [finding.message for finding in validate(config) if finding.level == "error"]
    if wrong:
        raise Invalid(f"the app's configuration would not be valid: {'; '.join(wrong)}")


def _http_service(call: Call, source: Source) -> HttpService:
    auto_stop = call.text("auto-stop")
    if auto_stop not in _AUTO_STOP:
        raise Invalid(f"--auto-stop is {auto_stop!r}: use one of {', '.join(_AUTO_STOP)}")
    port = call.number("internal-port") if call.given("internal-port") else source.port
    if not 0 < port < 65536:
        raise Invalid(f"--internal-port is {port}: a port is a number from 1 to 65535")
    return HttpService(
        internal_port=port,
        force_https=True,
        auto_stop_machines=auto_stop,
        auto_start_machines=True,
        min_machines_running=0,
        processes=("app",),
    )


def _other_port(call: Call, source: Source) -> int:
    """What goes before an old file's port: the flag, or where the Dockerfile of this launch listens. 0 for none."""
    if call.given("internal-port"):
        return call.number("internal-port")
    return source.port if "Dockerfile" in source.files else 0


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
