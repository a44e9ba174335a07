"""Nouns (groups of verbs) whose verbs are imported when they are called."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import click

from caddis.cli.arguments import BadArguments, rewrite
from caddis.cli.flags import GLOBAL, HELP, Flag
from caddis.cli.verb import GoCommand, option


@dataclass(frozen=True, slots=True)
class Leaf:
    """A verb: `module` holds its COMMAND. `instead` is what a name that is kept for old hands was replaced by."""

    name: str
    module: str
    short: str
    aliases: tuple[str, ...] = ()
    hidden: bool = False  # from help and completion
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Noun:
    """A group of verbs (or of further nouns). `default` names the verb that the noun alone means."""

    name: str
    short: str
    children: tuple[Noun | Leaf, ...]
    aliases: tuple[str, ...] = ()
    hidden: bool = False
    default: str = ""

    def find(self, word: str) -> Noun | Leaf | None:
        """The child of that name or alias."""
        return next((child for child in self.children if word == child.name or word in child.aliases), None)


class LazyGroup(click.Group):
    """A click group made from a Noun."""

    def __init__(self, noun: Noun) -> None:
        super().__init__(
            name=noun.name,
            params=[option(flag) for flag in GLOBAL],
            help=noun.short,
            add_help_option=False,
            invoke_without_command=True,
            callback=_show_help_unless_called,
        )
        self.noun = noun

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Flags that stand before the verb's name are ours; the rest is the verb's."""
        if self.noun.default:
            args = self._with_default(ctx, args)
        own, rest = _split_at_name(args, (*GLOBAL, HELP))
        try:
            canonical = rewrite(own, (*GLOBAL, HELP))
        except BadArguments as bad:
            raise click.UsageError(str(bad), ctx) from bad
        if "--help=true" in canonical:
            click.echo(self.get_help(ctx))
            ctx.exit()
        return super().parse_args(ctx, [*canonical, *rest])

    def _with_default(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The verb's name in front where no verb is named; flags that stand before a verb's name are the verb's."""
        command = self.get_command(ctx, self.noun.default)
        assert isinstance(command, GoCommand)
        own, rest = _split_at_name(args, (*GLOBAL, HELP, *command.flags))
        if not rest:
            asks_for_help = any(word in ("--help", "-h") for word in own)
            return args if asks_for_help else [self.noun.default, *args]
        return [rest[0], *own, *rest[1:]]

    def get_help(self, ctx: click.Context) -> str:
        """Cobra's layout."""
        from caddis.cli.usage import noun_help

        return noun_help(self, ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        """Names, in the order in which help shows them."""
        return [child.name for child in self.noun.children if not child.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's
        """By name or alias; imports the verb's module."""
        child = self.noun.find(cmd_name)
        if child is None:
            return None
        return LazyGroup(child) if isinstance(child, Noun) else load(child)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """click.UsageError in cobra's words when there is no such command."""
        command = self.get_command(ctx, args[0])
        if command is None:
            from caddis.cli.usage import near

            like = near(args[0], self.list_commands(ctx))
            meant = "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in like) if like else ""
            raise click.UsageError(f'unknown command "{args[0]}" for "{ctx.command_path}"{meant}', ctx)
        child = self.noun.find(args[0])
        if isinstance(child, Leaf) and child.instead:
            click.echo(f'Command "{child.name}" is deprecated, use `{child.instead}` instead', err=True)
        return command.name, command, args[1:]


def load(leaf: Leaf) -> GoCommand:
    """Import a verb's module."""
    command = importlib.import_module(leaf.module).COMMAND
    assert isinstance(command, GoCommand)
    command.short, command.shown_aliases = leaf.short, leaf.aliases
    return command


def _split_at_name(args: list[str], flags: tuple[Flag, ...]) -> tuple[list[str], list[str]]:
    needs_value = {spelled for flag in flags if not flag.bare for spelled in (f"--{flag.name}", f"-{flag.short}")}
    position = 0
    while position < len(args) and args[position].startswith("-") and args[position] != "--":
        position += 2 if args[position] in needs_value else 1
    return args[:position], args[position:]


@click.pass_context
def _show_help_unless_called(context: click.Context, /, **_values: object) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.command.get_help(context))
