"""`fly ssh console` (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import os
import shlex
import sys

from caddis.cli.call import Call
from caddis.cli.flags import switch, text
from caddis.cli.started import WHERE_FLAGS, started_machine
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Invalid
from caddis.wire.stream import SessionRequest

_SHELLS = ("sh", "bash", "ash", "dash", "zsh", "fish", "ksh")


def run(call: Call) -> None:
    """Ends with the status of what ran."""
    argv = split_command(call.text("command"), given=call.given("command"))
    app = call.app()
    machine = str(started_machine(call, app)["id"])
    call.context.exit(sit_at(call, app, machine, argv))


def sit_at(call: Call, app: str, machine: str, argv: tuple[str, ...]) -> int:
    """Its exit status. Without `argv` a shell: at a terminal, or, if there is none here, it reads from our stdin."""
    from caddis.cli.attended import attend

    return attend(call.client.settings, app, machine, session_request(call, argv))


def session_request(call: Call, argv: tuple[str, ...]) -> SessionRequest:
    """With a terminal where somebody sits at one and runs a shell, or where --pty asks for it."""
    from caddis.cli.attended import own_size

    at_terminal = call.switch("pty") and (call.given("pty") or call.interactive)
    if not argv:
        at_terminal = at_terminal or call.interactive
    elif not at_terminal and sys.stdin.isatty() and _is_bare_shell(argv):
        call.note("Warning: a shell needs a terminal: --pty is taken as given", "yellow")
        at_terminal = True
    size = own_size() if at_terminal else None
    term = os.environ.get("TERM", "") if size else ""
    return SessionRequest(argv=argv, user=call.text("user"), term=term, size=size)


def split_command(command: str, *, given: bool) -> tuple[str, ...]:
    """Into words as a shell does it; Invalid when it cannot be, or when it is empty."""
    try:
        argv = tuple(shlex.split(command))
    except ValueError as wrong:
        raise Invalid(f"the command {command!r} cannot be split into words: {wrong}") from None
    if given and (not argv or not argv[0]):
        raise Invalid("the command is empty", hint='Name a program: fly ssh console -C "ls /data"')
    return argv


def _is_bare_shell(argv: tuple[str, ...]) -> bool:
    return len(argv) == 1 and os.path.basename(argv[0]) in _SHELLS


SESSION_FLAGS = (
    text("command", "C", help="Run this instead of a shell, without a terminal unless --pty is given"),
    switch("pty", help="Give the command a terminal"),
    text("user", "u", default="root", help="The user in the machine to be"),
)

COMMAND = verb(
    run,
    usage="console",
    long="Open a shell in a running machine, or run a command there: its input, output and exit status are your own.",
    examples=(
        "fly ssh console -a web  # a shell",
        "fly ssh console -a web -C \"sh -c 'ls /data | wc -l'\"  # no shell runs the command unless it says so",
        'fly ssh console -a web -C "tar c /data" > data.tar  # its output as it is',
        'fly ssh console -a web --pty -C "python manage.py shell"  # a command that wants a terminal',
    ),
    flags=(*SESSION_FLAGS, *WHERE_FLAGS),
    count=at_most(0),
)
