"""Another machine in the place of one: made whole beside it first, so that nothing is gone when that fails.

Which volume a machine has is settled when it is created, and a replacement always has another volume than the old
machine (or none), so both can be there for a moment. Only where the host has no room for both does the old one go
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caddis.cli.deploy.moves import ReplaceMachine
from caddis.client.machines import create_machine, update_machine
from caddis.client.volumes import get_volume
from caddis.domain.errors import NoCapacity, Problem, Unreachable

if TYPE_CHECKING:
    from caddis.cli.deploy.execute import Execution

REPLACES = "caddis_replaces"  # metadata: of a machine that has not got the place of another yet
REPLACED_BY = "caddis_replaced_by"  # metadata: of one that gave its place away, and is to be destroyed


def replace_machine(execution: Execution, move: ReplaceMachine, document: dict[str, Any], count: str) -> str:
    """The new machine's id. Until it is whole the old one is not touched; what a death leaves the plan settles."""
    execution.progress.show(move.machine, f"{count} Replacing {move.machine} [{move.group}] by new machine")
    with execution.finishing.part():
        try:
            machine = _prepare(execution, move, document)
        except NoCapacity as full:
            if _goes_elsewhere(execution, move):
                raise
            machine = _go_first(execution, move, document, full)
        else:
            _destroy_old(execution, move, document)
            execution.successors[move.machine] = machine
            name = str(execution.machines[move.machine].get("name") or "")
            body = {"config": document, "name": name, **({"skip_launch": True} if move.skip_launch else {})}
            execution.call.send(update_machine(execution.app, machine, body, nonce=execution.leases.nonce(machine)))
        execution.ledger.note_moved(machine=move.machine, to=machine, volume=move.loses, to_volume=move.volume)
    told = f" with volume {move.volume}" if move.volume else ""
    execution.progress.say(f"{count} Created machine {machine} [{move.group}]{told} in the place of {move.machine}")
    return machine


def _destroy_old(execution: Execution, move: ReplaceMachine, document: dict[str, Any]) -> None:
    try:
        execution.destroy(move.machine)
    except Unreachable:
        if execution.machines[move.machine].get("host_status", "ok") == "ok":
            raise
        document["metadata"] = {
            **document["metadata"],
            REPLACES: move.machine,
        }  # and so the plan passes the old one over
        execution.progress.say(f"Machine {move.machine} is on a host that does not answer: it is left to that host")


def _prepare(execution: Execution, move: ReplaceMachine, document: dict[str, Any]) -> str:
    """All that can be refused is tried: the config, the room, the image, the volume."""
    metadata = {**document["metadata"], REPLACES: move.machine}
    body = {"config": {**document, "metadata": metadata}, "region": move.region, "skip_launch": True}
    machine = str(execution.call.send(create_machine(execution.app, body))["id"])
    execution.leases.acquire([machine])
    return machine


def _goes_elsewhere(execution: Execution, move: ReplaceMachine) -> bool:
    """Whether its volume stands in another zone than the old machine's, whose end would make no room there."""
    if not (move.volume and move.loses):
        return False
    new, old = (execution.call.send(get_volume(execution.app, one))["zone"] for one in (move.volume, move.loses))
    return bool(new != old)


def _go_first(execution: Execution, move: ReplaceMachine, document: dict[str, Any], full: NoCapacity) -> str:
    """There is no room for both: the old machine's room is taken. What that may leave undone is written down first."""
    old = execution.machines[move.machine]
    execution.progress.say(f"There is no room for both: machine {move.machine} goes first ({full.message})")
    execution.ledger.note_owed(machine=move.machine, group=move.group, region=move.region, volume=move.volume)
    execution.destroy(move.machine)
    body = {"config": document, "region": move.region, "name": old.get("name", ""), "skip_launch": move.skip_launch}
    try:
        machine = str(execution.call.send(create_machine(execution.app, body))["id"])
    except Problem as problem:
        kept = f" Volume {move.volume} and its data are kept." if move.volume else ""
        problem.message = (
            f"machine {move.machine} [{move.group}] was destroyed, and the new one could not be created:"
            f" {problem.message}.{kept}"
        )
        problem.hint = f"Once that is mended, the next deploy brings the machine back: fly deploy -a {execution.app}"
        raise
    execution.successors[move.machine] = machine
    execution.ledger.pay(move.volume)
    return machine
