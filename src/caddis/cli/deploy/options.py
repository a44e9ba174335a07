"""The flags of deploy, and what they mean (facts: cli-deploy-launch 1.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.flags import VM, YES, Flag, Kind, decimal, many, number, switch, text
from caddis.domain.errors import Invalid, Missing

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

DEFAULT_WAIT = "5m0s"
DEFAULT_UNAVAILABLE = 0.33
_LATER = (
    "remote-only",
    "local-only",
    "wg",
    "depot",
    "nixpacks",
    "buildkit",
    "push",
    "recreate-builder",
    "https-failover",
)


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

    def at_once(self, count: int) -> int:
        """How many of `count` machines may be away at once, after the first."""
        if self.max_unavailable >= 1:
            return min(count, int(self.max_unavailable)) or 1
        return max(1, math.ceil(count * self.max_unavailable))


def common_flags() -> tuple[Flag, ...]:
    """What deploy and launch share."""
    return (
        text("image", "i", help="Deploy this image instead of building one"),
        switch("now", help="Deploy without asking"),
        switch("build-only", help="Stop after the build"),
        switch("detach", help="Do not wait until machines run and are healthy"),
        text("strategy", help="How to update machines: rolling (default) or immediate"),
        text("dockerfile", help="Path to a Dockerfile"),
        text("ignorefile", help="Path to a .dockerignore file"),
        text("image-label", help="The tag of the image that is built"),
        text("build-target", help="The stage of the Dockerfile to build"),
        many("build-arg", help="NAME=VALUE for the build; may be repeated"),
        many("build-secret", help="Comes with secrets"),
        switch("no-cache", help="Build every layer anew"),
        many("env", "e", help="NAME=VALUE for the machines' environment; may be repeated"),
        text("wait-timeout", help="How long to wait for a machine: 30, 5m0s or none", default=DEFAULT_WAIT),
        text("release-command-timeout", help="How long the release command may take", default=DEFAULT_WAIT),
        text("lease-timeout", help="How long a lease on a machine holds", default="13s"),
        switch("ha", help="Create a second machine for each new group that can have one", default=True),
        switch("smoke-checks", help="See that machines stay up", default=True),
        switch("dns-checks", help="No effect: there are no public names", default=True),
        decimal("max-unavailable", help="Machines updated at once: a share, or a number", default=DEFAULT_UNAVAILABLE),
        Flag(
            name="max-concurrent",
            kind=Kind.NUMBER,
            default=8,
            help="Machines touched at once with the immediate strategy",
            aliases=("immediate-max-concurrent",),
        ),
        number("volume-initial-size", help="Size in GB of volumes that the first deploy creates"),
        switch("skip-release-command", help="Do not run the release command"),
        text("primary-region", help="Instead of the file's primary_region"),
        many("regions", help="Only machines in these regions", commas=True, aliases=("only-regions",)),
        many("exclude-regions", help="No machines in these regions", commas=True),
        many("only-machines", help="Only these machines", commas=True),
        many("exclude-machines", help="Not these machines", commas=True),
        many("process-groups", help="Only these process groups", commas=True),
        switch("update-only", help="Create no machines for new process groups"),
        switch("no-public-ips", help="No effect: there are no public addresses"),
        *(switch(name, help="No effect, kept for scripts", hidden=True) for name in _LATER),
        *VM,
        YES,
    )


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
    if call.many("build-secret"):
        raise Missing("--build-secret is not there yet: it comes with secrets")
    return Options(
        strategy=_strategy(call, config),
        wait_timeout=wait,
        release_command_timeout=release_wait,
        lease_seconds=max(1, int(lease or 0)) if lease is not None else 3600,
        max_unavailable=unavailable,
        max_concurrent=max(1, call.number("max-concurrent")),
        smoke_checks=call.switch("smoke-checks") and not call.switch("detach"),
        detach=call.switch("detach"),
        skip_release_command=call.switch("skip-release-command"),
        env=read_pairs(call.many("env"), "--env"),
    )


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
    if wanted not in ("canary", "rolling", "immediate", "bluegreen"):
        raise Invalid(f"unsupported deployment strategy {wanted!r}: use rolling or immediate")
    if wanted in ("canary", "bluegreen"):
        if config.mounts:
            raise Invalid(
                f"the {wanted} strategy is not possible with mounted volumes: a volume is attached to one machine only",
                hint="Use --strategy rolling, which replaces one machine after the other.",
            )
        raise Missing(f"the {wanted} strategy is not there yet", hint="Use --strategy rolling or immediate.")
    return wanted
