"""A scale plan in words (facts: cli-deploy-launch 4.1). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from caddis.cli.scale.counting.plan import Change, MachineNow, Plan


def plan_text(app: str, plan: Plan) -> str:
    """The headline and, per group and region, what comes and goes."""
    lines = [f"App '{app}' is going to be scaled according to this plan:"]
    for change in plan.changes:
        lines += _lines(change)
    return "\n".join(lines)


def _lines(change: Change) -> Iterator[str]:
    count = len(change.creates) - len(change.destroys)
    size = f" of size '{change.size}'" if change.size else ""
    yield f"{count:+4d} machines for group '{change.group}' on region '{change.region}'{size}"
    new, old = change.new_volumes, len(change.unattached)
    where = f"group '{change.group}' in region '{change.region}'"
    named = f": {', '.join(change.unattached)}"
    if new and old:
        yield f"{new:+4d} volumes and {old} unattached volumes assigned to {where}{named}"
    elif old:
        yield f"{old:4d} unattached volumes to be assigned to {where}{named}"
    elif new:
        yield f"{new:+4d} volumes  for {where}"


def left_volumes(app: str, machines: Sequence[MachineNow]) -> str:
    """What to say of the volumes of machines that went; "" when they had none."""
    volumes = [machine.volume for machine in machines if machine.volume]
    if not volumes:
        return ""
    these = "Volume" if len(volumes) == 1 else "Volumes"
    stay, it = ("stays", "it") if len(volumes) == 1 else ("stay", "them")
    return (
        f"{these} {', '.join(volumes)} {stay}, unattached: the next fly scale count up takes {it} again.\n"
        f"If nobody needs {it} any more: fly volumes destroy {' '.join(volumes)} -a {app}"
    )


def one_is_not_enough(app: str, group: str) -> str:
    """The rule of two, for a group that has one machine with one volume now."""
    return (
        f"Note: group '{group}' now has one machine, whose volume is on one host: when that host fails, the group is"
        f" down, and what was written since the last kept snapshot may be lost. A second one: fly scale count"
        f" {group}=2 -a {app}"
    )


def one_zone(group: str, zone: str, count: int) -> str:
    """The rule of two, for a group whose volumes are together."""
    return (
        f"Note: the {count} volumes of group '{group}' are all in zone {zone}: they fail together. Another host, in a"
        " zone of its own, would take one of the next"
    )
