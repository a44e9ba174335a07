"""`--volume name:/path[:options]` as [[mounts]] sections (facts: cli-deploy-launch 2.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from caddis.domain.errors import Invalid
from caddis.domain.ids import check_volume_name
from caddis.domain.volume import check_mount_path

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import Mount

_WHOLE = ("snapshot_retention", "auto_extend_size_threshold")
_TRUTH = ("scheduled_snapshots",)
_TEXT = ("initial_size", "auto_extend_size_increment", "auto_extend_size_limit")


def read_volume_flags(written: Sequence[str]) -> tuple[Mount, ...]:
    """A section for each. Invalid for two in one process group: a machine mounts one volume."""
    mounts = tuple(read_volume_flag(one) for one in written)
    for position, mount in enumerate(mounts):
        for other in mounts[:position]:
            if not mount.processes or not other.processes or set(mount.processes) & set(other.processes):
                raise Invalid(
                    f"--volume {other.source} and --volume {mount.source} are for the same machines, and a machine"
                    " mounts one volume",
                    hint="Give each a process group of its own: -v a:/a:processes=web -v b:/b:processes=worker",
                )
    return mounts


def read_volume_flag(written: str) -> Mount:
    """The section; Invalid for anything else. Several options may stand in quotes, as flyctl needs them."""
    from caddis.wire.fly_toml.config import Mount

    written = written.strip().removeprefix('"').removesuffix('"')
    source, colon, rest = written.partition(":")
    if not colon:
        raise Invalid(f"--volume {written!r} is not NAME:/PATH, such as data:/data")
    path, _, options = rest.partition(":")
    pairs: dict[str, Any] = {}
    for option in options.split(","):
        if option:
            name, value = _option(option)
            pairs[name] = (*pairs.get(name, ()), *value) if isinstance(value, tuple) else value
    return Mount(source=check_volume_name(source), destination=check_mount_path(path), **pairs)


def mount_for_path(path: str) -> Mount:
    """For a Dockerfile's VOLUME: named after the path's last part."""
    from caddis.wire.fly_toml.config import Mount

    name = re.sub(r"[^a-z0-9_]+", "_", path.rstrip("/").rpartition("/")[2].lower())[:30].strip("_")
    return Mount(source=name or "data", destination=path)


def _option(option: str) -> tuple[str, Any]:
    name, equals, value = option.partition("=")
    if not equals:
        raise Invalid(f"invalid mount option: {option}")
    if name in _TEXT:
        return name, value
    if name == "processes":  # ours: which process group the volume is for
        return name, (value,)
    if name in _WHOLE and value.isdigit():
        return name, int(value)
    if name in _TRUTH and value in ("true", "false"):
        return name, value == "true"
    if name in (*_WHOLE, *_TRUTH):
        raise Invalid(f"invalid mount option: {option}")
    raise Invalid(f"unknown mount option: {name}")
