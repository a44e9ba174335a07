"""`fly status` (facts: cli-deploy-launch 3)."""

from __future__ import annotations

from caddis.cli.app_status import HEADER, about_app, machine_row, status_document
from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, number, switch
from caddis.cli.machine.show_machine import is_managed
from caddis.cli.tables import as_json, table, vertical
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.domain.errors import Invalid

NOTES = {
    "†": "  †  A standby machine: it stays stopped until somebody starts it",
    "💀": "  💀 The machine's host does not answer: this is what was last known",
}


def run(call: Call) -> None:
    """Once, or again and again with --watch."""
    if not call.switch("watch"):
        _show(call)
        return
    if call.json:
        raise Invalid("--watch and --json are not supported together")
    if not call.interactive:
        raise Invalid("--watch is not supported for non-interactive sessions")
    rate = call.number("rate")
    if not 1 <= rate <= 3600:
        raise Invalid("--rate must be in the [1, 3600] range")
    import time

    while True:
        call.say("\x1b[2J\x1b[H", end="")
        _show(call)
        time.sleep(rate)


def _show(call: Call) -> None:
    name = call.app()
    app = call.send(get_app(name))
    machines = call.send(list_machines(name))
    if call.json:
        call.say(as_json(status_document(app, machines)), end="")
        return
    call.say(vertical(about_app(app, machines), title="App"), end="")
    if app["status"] == "suspended":
        call.say(f"{name} is suspended: its machines stay stopped until `fly apps resume {name}`\n")
    managed = [machine for machine in machines if is_managed(machine)]
    if managed:
        rows = sorted(machine_row(machine) for machine in managed)
        call.say(table(HEADER, rows, title="Machines"), end="")
        notes = [note for mark, note in NOTES.items() if any(mark in cell for row in rows for cell in row[:2])]
        if notes:
            call.say("\n".join(["Notes:", *notes]) + "\n")
    if len(managed) < len(machines):
        call.say(
            f"Found machines that aren't part of a deploy ({len(machines) - len(managed)});"
            f" run `fly machine list -a {name}` to see them."
        )


LONG = """Show the status of an app: where it is, and its machines with their state and checks.

A machine whose host does not answer is shown as it was last known, and marked."""

COMMAND = verb(
    run,
    usage="status",
    long=LONG,
    examples=("fly status -a web", "fly status --watch --rate 2  # again every two seconds, until Ctrl-C"),
    flags=(
        *APP_FLAGS,
        JSON,
        switch("all", help="No effect, kept for scripts"),
        switch("deployment", help="No effect, kept for scripts"),
        switch("watch", help="Show the status again and again"),
        number("rate", help="Seconds between two looks with --watch", default=5),
    ),
    count=at_most(0),
)
