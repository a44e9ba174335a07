"""The fly.toml that a launch writes (facts: cli-deploy-launch 2.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.launch.mounts import mount_for_path, read_volume_flag
from caddis.cli.launch.scanners.source import Source
from caddis.cli.launch.settings import Settings
from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import Build, FlyToml, HttpService, Mount, Vm

if TYPE_CHECKING:
    from pathlib import Path

_AUTO_STOP = ("off", "stop", "suspend")


def find_mounts(call: Call, source: Source | None, old: FlyToml | None) -> tuple[Mount, ...]:
    """--volume, else an old file's, else what the Dockerfile keeps data in."""
    volumes = call.many("volume")
    if volumes:
        return (read_volume_flag(volumes[0]),)
    if old is not None and old.mounts:
        return old.mounts
    return (mount_for_path(source.volume),) if source is not None and source.volume else ()


def make_config(call: Call, settings: Settings, *, source: Source | None, old: FlyToml | None, folder: Path) -> FlyToml:
    """A new file, or an old one with the app's new name and region."""
    mounts = find_mounts(call, source, old)
    base = replace(old or FlyToml(), app=settings.name, primary_region=settings.region, mounts=mounts)
    if source is not None and source.image:
        base = replace(base, build=replace(base.build or Build(), image=source.image))
    elif source is not None and source.dockerfile is not None and call.text("dockerfile"):
        base = replace(base, build=replace(base.build or Build(), dockerfile=_relative(source.dockerfile, folder)))
    if call.text("command"):
        base = replace(base, processes={"app": call.text("command")})
    if old is None:
        base = replace(base, http_service=_http_service(call, source))
    if not base.vm:
        guest = settings.guest
        memory = f"{guest.memory_mb // 1024}gb" if guest.memory_mb % 1024 == 0 else f"{guest.memory_mb}mb"
        base = replace(base, vm=(Vm(memory=memory, cpu_kind=guest.cpu_kind, cpus=guest.cpus),))
    return base


def _http_service(call: Call, source: Source | None) -> HttpService:
    auto_stop = call.text("auto-stop")
    if auto_stop not in _AUTO_STOP:
        raise Invalid(f"--auto-stop is {auto_stop!r}: use one of {', '.join(_AUTO_STOP)}")
    return HttpService(
        internal_port=call.number("internal-port") if call.given("internal-port") else (source or _BLANK).port,
        force_https=True,
        auto_stop_machines=auto_stop,
        auto_start_machines=True,
        min_machines_running=0,
        processes=("app",),
    )


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


_BLANK = Source(family="")
