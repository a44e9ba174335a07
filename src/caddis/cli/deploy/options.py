"""What the flags of deploy mean (facts: cli-deploy-launch 1.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.deploy.snapshot_before import Wish
from caddis.domain.errors import Invalid

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

STRATEGIES = ("canary", "rolling", "immediate", "bluegreen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to deploy. Times in seconds; None waits for ever."""

    strategy: str
    wait_timeout: float | None
    release_command_timeout: float | None
    lease_seconds: int
    max_unavailable: float
    max_concurrent: int
    smoke_checks: bool
    detach: bool
    skip_release_command: bool
    env: Mapping[str, str]
    signal: str = ""
    retries: int = 0
    snapshot_before: Wish = Wish.TRY


def read_options(call: Call, config: FlyToml) -> Options:
    """From the flags, else the file, else flyctl's defaults. Invalid or Missing before anything is done."""
    section = config.deploy
    unavailable = call.decimal("max-unavailable")
    if not call.given("max-unavailable") and section is not None and section.max_unavailable is not None:
        unavailable = section.max_unavailable
    if unavailable <= 0:
        raise Invalid("--max-unavailable must be greater than 0")
    wait = _timeout(call, "wait-timeout", section.wait_timeout if section else None)
    release_wait = _timeout(call, "release-command-timeout", section.release_command_timeout if section else None)
    lease = parse_timeout(call.text("lease-timeout"), "--lease-timeout")
    strategy = _strategy(call, config)
    if strategy in ("immediate", "bluegreen") and (
        call.given("max-unavailable") or (section and section.max_unavailable)
    ):
        call.note(f"WARNING: max-unavailable is ignored by the {strategy} strategy", "yellow")
    return Options(
        strategy=strategy,
        wait_timeout=wait,
        release_command_timeout=release_wait,
        lease_seconds=max(1, int(lease or 0)) if lease is not None else 3600,
        max_unavailable=unavailable,
        max_concurrent=max(1, call.number("max-concurrent")),
        smoke_checks=call.switch("smoke-checks") and not call.switch("detach"),
        detach=call.switch("detach"),
        skip_release_command=call.switch("skip-release-command"),
        env=read_pairs(call.many("env"), "--env"),
        signal=_signal(call),
        retries=_retries(call.text("deploy-retries")),
        snapshot_before=_snapshot_before(call, section.snapshot_before if section else None),
    )


def check_compression(call: Call) -> None:
    """--compression and --compression-level, which nothing here needs; Invalid where they say nonsense."""
    if call.text("compression") not in ("gzip", "zstd"):
        raise Invalid(f"--compression {call.text('compression')!r} is not known: use gzip or zstd")
    if not 0 <= call.number("compression-level") <= 9:
        raise Invalid("--compression-level must be from 0 to 9")


def _signal(call: Call) -> str:
    from caddis.wire.signals import check_stop_signal

    return check_stop_signal(call.text("signal"), field="--signal") if call.text("signal") else ""


def _retries(text: str) -> int:
    """ "auto" is none: a machine that failed once is looked at by a person."""
    if text == "auto":
        return 0
    if not text.isdigit():
        raise Invalid(f"--deploy-retries {text!r} is not a number: write it like 2, or auto")
    return int(text)


def _snapshot_before(call: Call, from_file: bool | None) -> Wish:
    given = call.text("snapshot-before").lower()
    if given not in ("", "true", "false"):
        raise Invalid(f"--snapshot-before {given!r} is neither true nor false")
    said = given == "true" if given else from_file
    return Wish.TRY if said is None else (Wish.MUST if said else Wish.OFF)


def read_pairs(given: Sequence[str], flag: str) -> dict[str, str]:
    """NAME=VALUE, several times."""
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise Invalid(f"{flag} {one!r} is not NAME=VALUE")
        pairs[name] = value
    return pairs


def parse_timeout(text: str, flag: str) -> float | None:
    """Seconds meant by "5m0s" or "300"; None for "none"."""
    from caddis.wire.duration import parse_duration

    if text == "none":
        return None
    if text.isdigit():
        return float(text)
    try:
        return parse_duration(text)
    except Invalid:
        raise Invalid(f"{flag} {text!r} is not a duration: write it like 30 (seconds), 5m0s or none") from None


def _timeout(call: Call, name: str, from_file: float | None) -> float | None:
    if not call.given(name) and from_file is not None:
        return from_file
    return parse_timeout(call.text(name), f"--{name}")


def _strategy(call: Call, config: FlyToml) -> str:
    wanted = call.text("strategy") or (config.deploy.strategy if config.deploy else "") or "rolling"
    if wanted not in STRATEGIES:
        raise Invalid(f"unsupported deployment strategy {wanted!r}: use one of {', '.join(STRATEGIES)}")
    return wanted
