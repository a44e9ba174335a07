"""`--volume name:/path[:options]` as a [[mounts]] section (facts: cli-deploy-launch 2.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from caddis.domain.errors import Invalid
from caddis.domain.ids import check_volume_name
from caddis.domain.volume import check_mount_path

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import Mount

_WHOLE = ("snapshot_retention", "auto_extend_size_threshold")
_TRUTH = ("scheduled_snapshots",)
_TEXT = ("initial_size", "auto_extend_size_increment", "auto_extend_size_limit")


def read_volume_flag(written: str) -> Mount:
    """The section; Invalid for anything else."""
    from caddis.wire.fly_toml.config import Mount

    source, colon, rest = written.partition(":")
    if not colon:
        raise Invalid(f"--volume {written!r} is not NAME:/PATH, such as data:/data")
    path, _, options = rest.partition(":")
    pairs = dict(_option(option) for option in options.split(",") if option)
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
    if name in _WHOLE and value.isdigit():
        return name, int(value)
    if name in _TRUTH and value in ("true", "false"):
        return name, value == "true"
    if name in (*_WHOLE, *_TRUTH):
        raise Invalid(f"invalid mount option: {option}")
    raise Invalid(f"unknown mount option: {name}")
