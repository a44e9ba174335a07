"""Which machines a deploy is about (--regions, --only-machines and their like)."""

from __future__ import annotations

from dataclasses import replace

from caddis.cli.call import Call
from caddis.cli.deploy.moves import Current, MachineNow, Wanted
from caddis.domain.errors import NotFound

_FLAGS = ("regions", "exclude-regions", "only-machines", "exclude-machines", "process-groups")


def select_machines(call: Call, current: Current, wanted: Wanted, *, quiet: bool = False) -> Current:
    """Without those that the flags leave out."""
    given = [name for name in _FLAGS if call.many(name)]
    if not given:
        return current
    known = {machine.id for machine in current.machines}
    for name in ("only-machines", "exclude-machines"):
        for machine in call.items(name):
            if machine not in known:
                raise NotFound(f"machine {machine}, which --{name} names, was not found")
    groups = {group.name for group in wanted.groups}
    chosen = tuple(machine for machine in current.machines if _is_chosen(call, machine, groups))
    flags = ", ".join(f"--{name}" for name in given)
    if not quiet:
        call.note(f"{flags} filter(s) applied, deploying to {len(chosen)}/{len(current.machines)} machines", "yellow")
    return replace(current, machines=chosen)


def _is_chosen(call: Call, machine: MachineNow, groups: set[str]) -> bool:
    regions, only = call.items("regions"), call.items("only-machines")
    if call.many("process-groups") and machine.group not in groups:
        return False
    if (regions and machine.region not in regions) or machine.region in call.items("exclude-regions"):
        return False
    return (not only or machine.id in only) and machine.id not in call.items("exclude-machines")
