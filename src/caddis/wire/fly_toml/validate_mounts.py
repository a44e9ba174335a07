"""The rules of [[mounts]] (facts: fly-toml 7, 19)."""

from __future__ import annotations

from caddis.domain.errors import Invalid
from caddis.domain.ids import check_volume_name
from caddis.domain.sizes import MAX_VOLUME_GB
from caddis.domain.volume import check_mount_path
from caddis.wire.fly_toml.config import FlyToml, Mount
from caddis.wire.fly_toml.findings import Report
from caddis.wire.fly_toml.groups import group_names, mounts_for
from caddis.wire.fly_toml.sizes import parse_gb


def check_mounts(config: FlyToml, report: Report) -> None:
    """Report what is wrong with each mount, and groups with more than one."""
    for position, mount in enumerate(config.mounts):
        path = f"mounts[{position}]"
        _check_place(mount, path, report)
        _check_size(mount, path, report)
        _check_auto_extend(mount, path, report)
    for group in group_names(config):
        mounts = mounts_for(config, group)
        if len(mounts) > 1:
            report(
                "error",
                f"mounts[{config.mounts.index(mounts[1])}]",
                f"group '{group}' has more than one [[mounts]] section defined: a machine mounts one volume",
            )


def _check_place(mount: Mount, path: str, report: Report) -> None:
    try:
        if not mount.source:
            report("error", f"{path}.source", f"{path}.source is missing: give the name of a volume")
        else:
            check_volume_name(mount.source)
    except Invalid as problem:
        report("error", f"{path}.source", f"{path}.source: {problem.message}")
    try:
        if not mount.destination:
            report("error", f"{path}.destination", f"{path}.destination is missing: give a directory, like /data")
        else:
            check_mount_path(mount.destination)
    except Invalid as problem:
        report("error", f"{path}.destination", f"{path}.destination: {problem.message}")


def _gb(mount: Mount, key: str, path: str, report: Report) -> int | None:
    """The size in GB, None when it is not given or cannot be read, which is reported."""
    text: str = getattr(mount, key)
    if not text:
        return None
    try:
        size = parse_gb(text, field=f"{path}.{key}")
    except Invalid:
        report(
            "error",
            f"{path}.{key}",
            f"mount '{mount.source}': {key} '{text}' cannot be read: write it like 10gb",
        )
        return None
    if size < 1:
        report("error", f"{path}.{key}", f"mount '{mount.source}': {key} '{text}' is smaller than 1GB")
        return None
    return size


def _check_size(mount: Mount, path: str, report: Report) -> None:
    size = _gb(mount, "initial_size", path, report)
    if size is not None and size > MAX_VOLUME_GB:
        report(
            "error",
            f"{path}.initial_size",
            f"mount '{mount.source}' has an initial_size of {size}GB: a volume has at most {MAX_VOLUME_GB}GB",
        )
    days = mount.snapshot_retention
    if days is not None and not 1 <= days <= 60:
        report(
            "error",
            f"{path}.snapshot_retention",
            f"mount '{mount.source}' has a snapshot_retention of {days}, which is not between 1 and 60 days inclusive",
        )


def _check_auto_extend(mount: Mount, path: str, report: Report) -> None:
    threshold = mount.auto_extend_size_threshold
    increment_text, limit_text = mount.auto_extend_size_increment, mount.auto_extend_size_limit
    if not (threshold or increment_text or limit_text):
        return
    increment = _gb(mount, "auto_extend_size_increment", path, report)
    limit = _gb(mount, "auto_extend_size_limit", path, report)
    if not threshold or not 50 <= threshold <= 99:
        report(
            "error",
            f"{path}.auto_extend_size_threshold",
            f"mount '{mount.source}': auto_extend_size_threshold must be between 50 and 99 (percent)",
        )
    if threshold and not increment_text and not limit_text:
        report(
            "error",
            path,
            f"mount '{mount.source}': auto_extend_size_threshold, auto_extend_size_increment and"
            " auto_extend_size_limit must be all defined or none",
        )
    unread = bool(increment_text) and increment is None  # already reported
    if not unread and not 1 <= (increment or 0) <= 100:
        report(
            "error",
            f"{path}.auto_extend_size_increment",
            f"mount '{mount.source}': auto_extend_size_increment must be between 1GB and 100GB",
        )
    if limit is not None and limit > MAX_VOLUME_GB:
        report(
            "error",
            f"{path}.auto_extend_size_limit",
            f"mount '{mount.source}': auto_extend_size_limit must be between 1GB and {MAX_VOLUME_GB}GB",
        )
