"""What can be told about a fly.toml before anything is asked of a server (facts: fly-toml 4 to 13, 18, 19)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from caddis.domain.errors import Invalid
from caddis.domain.ids import check_app_name
from caddis.domain.machine import MAX_KILL_TIMEOUT
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.findings import Finding, Level, Report
from caddis.wire.fly_toml.groups import Grouped, group_names, mounts_for
from caddis.wire.fly_toml.machine import split_command
from caddis.wire.fly_toml.validate_mounts import check_mounts
from caddis.wire.fly_toml.validate_services import check_checks, check_machine_checks, check_services
from caddis.wire.fly_toml.validate_vms import check_vm
from caddis.wire.signals import check_stop_signal

STRATEGIES = ("canary", "rolling", "immediate", "bluegreen")
_COMPRESSIONS = ("gzip", "zstd")
_POLICIES = ("always", "never", "on-failure")


def validate(config: FlyToml, *, groups: Collection[str] | None = None) -> list[Finding]:
    """Everything found, errors first, each in the order of the file; `groups` are those to deploy, all unless given."""
    found: list[tuple[Level, str, str]] = [("error", fault.key, fault.message) for fault in config.faults]
    wrong = frozenset(fault.key for fault in config.faults)

    def report(level: Level, key: str, message: str) -> None:
        if not _follows_from(key, wrong):
            found.append((level, key, message))

    _check_top(config, report)
    _check_build(config, report)
    _check_deploy(config, groups or group_names(config), report)
    _check_env(config, report)
    _check_processes(config, report)
    check_mounts(config, report)
    check_services(config, report)
    check_checks(config, report)
    for position, vm in enumerate(config.vm):
        check_vm(vm, f"vm[{position}]", report)
    _check_restart(config, report)
    _check_files(config, report)
    _check_statics(config, report)
    check_machine_checks(config.machine_checks, "machine_checks", report)
    _check_groups(config, report)
    findings = [
        Finding(level=level, message=message, key=key, row=config.source.row_of(key)) for level, key, message in found
    ]
    return sorted(findings, key=lambda finding: (finding.level != "error", finding.row or 0))


def _follows_from(key: str, wrong: frozenset[str]) -> bool:
    """Whether what was found at `key` may only be because a value there, or the list of groups, has a wrong type."""
    if key.endswith(".processes") and "processes" in wrong:
        return True
    return any(
        key == other or key.startswith((f"{other}.", f"{other}[")) or re.fullmatch(rf"{re.escape(key)}\[\d+\]", other)
        for other in wrong
    )


def _tell(report: Report, key: str, check: Callable[[], object]) -> None:
    """Report what `check` refuses."""
    try:
        check()
    except Invalid as problem:
        report("error", key, problem.message)


def _check_top(config: FlyToml, report: Report) -> None:
    if config.app:
        _tell(report, "app", lambda: check_app_name(config.app))
    if config.kill_signal:
        _tell(report, "kill_signal", lambda: check_stop_signal(config.kill_signal, field="kill_signal"))
    _check_command("console_command", config.console_command, report)
    if config.kill_timeout is not None and not 0 <= config.kill_timeout <= MAX_KILL_TIMEOUT:
        report("error", "kill_timeout", f"kill_timeout must be from 0 to {MAX_KILL_TIMEOUT:.0f} seconds")
    if config.swap_size_mb is not None and config.swap_size_mb < 0:
        report("error", "swap_size_mb", "swap_size_mb must not be negative")


def _check_build(config: FlyToml, report: Report) -> None:
    build = config.build
    if build is None:
        return
    ways = {
        "image": build.image,
        "builder": build.builder or build.buildpacks,
        "dockerfile": build.dockerfile or build.build_target,
        "builtin": build.builtin,
    }
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        report("warning", "build", f"more than one build configuration found: {', '.join(given)}")
    if build.compression and build.compression not in _COMPRESSIONS:
        report("error", "build.compression", f"build.compression is {build.compression!r}: use gzip or zstd")
    if build.compression_level is not None and not 0 <= build.compression_level <= 9:
        report("error", "build.compression_level", "build.compression_level must be from 0 to 9")


def _check_deploy(config: FlyToml, groups: Collection[str], report: Report) -> None:
    deploy = config.deploy
    if deploy is None:
        return
    if deploy.strategy and deploy.strategy not in STRATEGIES:
        report(
            "error",
            "deploy.strategy",
            f"deployment strategy {deploy.strategy!r} is not known: use one of {', '.join(STRATEGIES)}",
        )
    if deploy.strategy in ("canary", "bluegreen") and any(mounts_for(config, group) for group in groups):
        report(
            "error",
            "deploy.strategy",
            f"deployment strategy {deploy.strategy} cannot be used with mounted volumes: a volume has one machine."
            " Use rolling or immediate",
        )
    if deploy.max_unavailable is not None and deploy.max_unavailable <= 0:
        report("error", "deploy.max_unavailable", "deploy.max_unavailable must be greater than 0")
    if deploy.release_command_volume not in ("", "fork"):
        report(
            "error",
            "deploy.release_command_volume",
            f'deploy.release_command_volume is {deploy.release_command_volume!r}: the only value is "fork", a copy of'
            " the volume for the release command",
        )
    elif deploy.release_command_volume and not config.mounts:
        report(
            "error", "deploy.release_command_volume", "deploy.release_command_volume needs [mounts]: what is forked?"
        )
    for key, command in (("release_command", deploy.release_command), ("seed_command", deploy.seed_command)):
        _check_command(f"deploy.{key}", command, report)
    if deploy.release_command_vm is not None:
        check_vm(deploy.release_command_vm, "deploy.release_command_vm", report)


def _check_command(key: str, command: str, report: Report) -> None:
    _tell(report, key, lambda: split_command(command, what=key))


def _check_env(config: FlyToml, report: Report) -> None:
    for name, value in config.env.items():
        if not name or "=" in name or "\0" in name + value:
            report("error", f"env.{name}", f"env.{name} cannot be an environment variable")
        elif name.startswith("FLY_"):
            report("warning", f"env.{name}", f"env.{name}: names that begin with FLY_ are set by the platform")


def _check_processes(config: FlyToml, report: Report) -> None:
    for group, command in config.processes.items():
        try:
            split_command(command, what=f"processes.{group}")
        except Invalid as problem:
            report("error", f"processes.{group}", f"Could not parse command for {group!r} process group: {problem}")


def _check_restart(config: FlyToml, report: Report) -> None:
    for position, restart in enumerate(config.restart):
        path = f"restart[{position}]"
        if restart.policy not in _POLICIES:
            report(
                "error",
                f"{path}.policy",
                f"invalid restart policy: {restart.policy!r}: use one of {', '.join(_POLICIES)}",
            )
        if restart.retries is not None and restart.retries < 0:
            report("error", f"{path}.retries", f"{path}.retries must not be negative")


def _check_files(config: FlyToml, report: Report) -> None:
    for position, file in enumerate(config.files):
        path = f"files[{position}]"
        if not file.guest_path.startswith("/") or file.guest_path.endswith("/"):
            report(
                "error", f"{path}.guest_path", f"{path}.guest_path is {file.guest_path!r}: it must be an absolute path"
            )
        sources = [file.local_path, file.secret_name, file.raw_value is not None]
        if sum(bool(source) for source in sources) != 1:
            report("error", path, f"{path} needs exactly one of local_path, secret_name and raw_value")


def _check_statics(config: FlyToml, report: Report) -> None:
    for position, static in enumerate(config.statics):
        path = f"statics[{position}]"
        for key, example in (("guest_path", "/app/public"), ("url_prefix", "/public")):
            value = static.get(key)
            if not isinstance(value, str) or not value.startswith("/"):
                report("error", f"{path}.{key}", f"{path}.{key} must be an absolute path, like {example}")
    if config.statics:
        report(
            "warning",
            "statics",
            "[[statics]] is left out: nothing here serves an app's files but the app itself, so let it serve them",
        )


def _check_groups(config: FlyToml, report: Report) -> None:
    """Groups that sections name must exist; services have their own sentence."""
    known = group_names(config)
    sections: dict[str, Sequence[Grouped]] = {
        "mounts": config.mounts,
        "vm": config.vm,
        "restart": config.restart,
        "files": config.files,
        "metrics": config.metrics,
    }
    for section, entries in sections.items():
        for position, entry in enumerate(entries):
            for group in entry.processes:
                if group not in known:
                    path = f"{section}[{position}].processes"
                    report("error", path, f"{path} names {group!r}, but the process groups are {', '.join(known)}")
    for name, check in config.checks.items():
        for group in check.processes:
            if group not in known:
                path = f"checks.{name}.processes"
                report("error", path, f"{path} names {group!r}, but the process groups are {', '.join(known)}")
