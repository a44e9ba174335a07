"""`fly help [command | topic]`: what `--help` prints, and the pages that belong to no command."""

from __future__ import annotations

import click

from caddis.cli.call import Call
from caddis.cli.pages import TOPICS
from caddis.cli.usage import near, prose, width_of
from caddis.cli.verb import any_number, verb
from caddis.domain.errors import NotFound


def run(call: Call) -> None:
    """Of the command whose name follows; without one, of fly itself."""
    words = call.arguments
    if len(words) == 1 and words[0] in TOPICS:
        topic = TOPICS[words[0]]
        call.say(prose(f"{topic.short}\n\n{topic.text}", width_of(call.context)))
        return
    context = call.context.find_root()
    for word in words:
        context = _below(context, word)
    call.say(context.command.get_help(context))


def _below(context: click.Context, word: str) -> click.Context:
    group = context.command
    command = group.get_command(context, word) if isinstance(group, click.Group) else None
    if command is None:
        known = group.list_commands(context) if isinstance(group, click.Group) else []
        like = near(word, [*known, *(TOPICS if context.parent is None else ())])
        path = " ".join(["fly help", *context.command_path.split()[1:]])
        raise NotFound(
            f"unknown help topic: {' '.join([*context.command_path.split()[1:], word])}",
            hint="Did you mean this?\n" + "\n".join(f"\t{path} {name}" for name in like)
            if like
            else "fly help lists the commands.",
        )
    return click.Context(command, info_name=command.name, parent=context)


COMMAND = verb(
    run,
    usage="help [command | topic]",
    long="""Help about any command, and pages about what concerns them all.

It prints what --help behind the command prints.""",
    examples=("fly help", "fly help volumes create", "fly help environment  # the variables that fly reads"),
    count=any_number,
)
