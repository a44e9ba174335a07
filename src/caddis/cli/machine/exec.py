"""`fly machine exec [id] "<command>"` (facts: cli-deploy-launch 5.4).

flyctl ends with 0 whatever the command ended with, and says "Exit code: N"; so do we, because scripts may count on it.
"""

from __future__ import annotations

import sys

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, number
from caddis.cli.machine.selection import chosen_machine, get_one
from caddis.cli.tables import as_json
from caddis.cli.verb import verb
from caddis.client.machines import execute

DEFAULT_SECONDS = 60


def run(call: Call) -> None:
    """The streams go to ours; the command's end is told on stderr."""
    app = call.app()
    *named, command = call.arguments
    machine = str(get_one(call, app, chosen_machine(call, app, named))["id"])
    answer = call.send(execute(app, machine, command, seconds=call.number("timeout") or DEFAULT_SECONDS))
    if call.json:
        call.say(as_json(answer), end="")
        return
    sys.stdout.write(answer.get("stdout") or "")
    sys.stdout.flush()
    sys.stderr.write(answer.get("stderr") or "")
    if answer.get("exit_code"):
        call.note(f"Exit code: {answer['exit_code']}")


def _one_or_two(count: int) -> str:
    return "" if count in (1, 2) else f"accepts between 1 and 2 arg(s), received {count}"


LONG = """Execute a command on a machine, to its end.

Its output is printed when it has ended. What it exits with is told on stderr, and does not become fly's own status."""

COMMAND = verb(
    run,
    usage='exec [machine id] "<command>"',
    long=LONG,
    examples=(
        'fly machine exec 148e21b7c46d89 "ls -l /data"',
        'fly machine exec 148e21b7c46d89 "sqlite3 /data/app.db .tables" --timeout 30',
    ),
    flags=(*APP_FLAGS, JSON, number("timeout", help="Seconds until the command is ended")),
    count=_one_or_two,
)
