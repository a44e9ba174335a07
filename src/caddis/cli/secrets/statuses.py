"""Whether machines have a secret yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caddis.cli.machine.show_machine import is_managed

Wire = Mapping[str, Any]
DEPLOYED, STAGED, PARTIAL, UNKNOWN = "Deployed", "Staged", "Partial", "Unknown"
PREFIXES = {STAGED: "* ", PARTIAL: "! "}
MOST_MACHINES = 100  # with more of them no status is shown


def versions_of(machines: Sequence[Wire]) -> list[int | None]:
    """Which version of the secrets each has; None for one that was made before there were any.

    Those that deploys manage, where there are such: of others nobody says that they follow the app.
    """
    managed = [machine for machine in machines if is_managed(machine)]
    return [machine.get("secrets_version") for machine in managed or machines]


def status_of(secret: Wire, versions: Sequence[int | None]) -> str:
    """Deployed when all machines have its newest value, Staged when none has, Partial in between."""
    known = [version for version in versions if version is not None]
    if len(known) < len(versions):
        return UNKNOWN
    having = sum(version >= int(secret.get("version") or 0) for version in known)
    if having == len(known) and known:
        return DEPLOYED
    return PARTIAL if having else STAGED


def summary(statuses: Sequence[str], versions: Sequence[int | None], newest: int) -> str:
    """What is to be done, in one line; "" when that is nothing."""
    if any(status in PREFIXES for status in statuses):
        return "There are secrets that not all machines have yet (* staged, ! partial): `fly secrets deploy`"
    if any(version is not None and version < newest for version in versions):
        return "Secrets were unset that machines still have: `fly secrets deploy`"
    return ""
