"""Checking a fly.toml and telling what was found (facts: fly-toml 18)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.domain.errors import Invalid

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

NOT_VALID = "App configuration is not valid"


def tell_findings(call: Call, config: FlyToml, name: str, *, groups: Collection[str] | None = None) -> None:
    """Print what is wrong and what is questionable; Invalid when anything is wrong."""
    if not say_findings(call, config, name, groups=groups):
        raise Invalid(NOT_VALID)
    call.say("✓ Configuration is valid")


def say_findings(call: Call, config: FlyToml, name: str, *, groups: Collection[str] | None = None) -> bool:
    """Print everything that is wrong or questionable; whether nothing is wrong."""
    from caddis.wire.fly_toml.validate import validate

    call.say(f"Validating {name}")
    findings = validate(config, groups=groups)
    for finding in findings:
        where = f"row {finding.row}: " if finding.row else ""
        call.say(f"   {'✘' if finding.level == 'error' else 'WARNING'} {where}{finding.sentence}")
    return not any(finding.level == "error" for finding in findings)
