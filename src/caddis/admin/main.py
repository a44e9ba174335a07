"""`caddis`: the command of who runs the servers. Each verb is a module of its own, imported when it is called."""

from __future__ import annotations

import importlib
import sys

import click

from caddis import __version__
from caddis.domain.errors import Problem

VERBS = {
    "up": "Run the API and the agents in the foreground.",
    "env": "Print export lines for fly, flyctl and other clients.",
    "store": "Say where snapshots are kept off their hosts; check what is kept.",
    "doctor": "Tell what this computer can do, and what is missing.",
    "down": "Stop all machines of a data folder and detach everything.",
    "pool": "Take over volumes from another host's pool.",
    "bench": "Measure this computer against its own floor.",
}


class LazyGroup(click.Group):
    """Knows the verbs' names and sentences without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click names it
        """In the order in which they are met."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's own command, or None."""
        if cmd_name not in VERBS:
            return None
        found: click.Command = importlib.import_module(f"caddis.admin.{cmd_name}").verb
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The verbs with their sentences."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="caddis %(version)s")
def caddis() -> None:
    """Caddis: apps, machines and volumes on hardware that you own. This is the command for who runs the servers."""


def main() -> None:
    """The console script."""
    try:
        result = caddis.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help:
        help.show()
        sys.exit(0)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(1)
    except click.Abort:
        sys.exit(130)
    except Problem as problem:
        print(f"Error: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(f"       {problem.hint}", file=sys.stderr)
        sys.exit(problem.exit_code)
    sys.exit(result if isinstance(result, int) else 0)
