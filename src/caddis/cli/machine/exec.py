"""`fly machine exec [id] "<command>"` (facts: cli-deploy-launch 5.4).

flyctl ends with 0 whatever the command ended with, and says "Exit code: N"; so do we, because scripts may count on it.
Nor does it read stdin unless told to: in a loop that reads lines, it would take them all.
"""

from __future__ import annotations

import sys

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, number, switch
from caddis.cli.machine.selection import chosen_machine, get_one
from caddis.cli.tables import as_json
from caddis.cli.verb import verb
from caddis.client.machines import execute
from caddis.domain.errors import Invalid

DEFAULT_SECONDS = 60


def run(call: Call) -> None:
    """The streams go to ours; the command's end is told on stderr."""
    app = call.app()
    *named, command = call.arguments
    machine = str(get_one(call, app, chosen_machine(call, app, named))["id"])
    seconds = call.number("timeout") or DEFAULT_SECONDS
    if seconds < 0:
        raise Invalid(f"--timeout is {seconds}: it must be a number of seconds")
    stdin = _read_stdin() if call.switch("stdin") else ""
    answer = call.send(execute(app, machine, command, seconds=seconds, stdin=stdin))
    if call.json:
        call.say(as_json(answer), end="")
        return
    sys.stdout.write(answer.get("stdout") or "")
    sys.stdout.flush()
    sys.stderr.write(answer.get("stderr") or "")
    if answer.get("exit_code"):
        call.note(f"Exit code: {answer['exit_code']}")


def _read_stdin() -> str:
    """All of it: the API takes it as text."""
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise Invalid(
            "what was given on stdin is not text", hint='fly ssh console -C "COMMAND" passes every byte as it is'
        ) from None


def _one_or_two(count: int) -> str:
    return "" if count in (1, 2) else f"accepts between 1 and 2 arg(s), received {count}"


LONG = """Execute a command on a machine, to its end.

Its output is printed when it has ended. What it exits with is told on stderr, and does not become fly's own status."""

COMMAND = verb(
    run,
    usage='exec [machine id] "<command>"',
    long=LONG,
    examples=(
        'fly machine exec 4d891ed1f22087 "ls /data"',
        'fly machine exec 4d891ed1f22087 "psql -f -" --stdin < schema.sql  # with text to read',
    ),
    flags=(
        *APP_FLAGS,
        JSON,
        number("timeout", help="Seconds until the command is ended"),
        switch("stdin", help="Pass what is on stdin, a text, to the command"),
    ),
    count=_one_or_two,
)
