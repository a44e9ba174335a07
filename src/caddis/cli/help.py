"""Help and usage in cobra's layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from caddis.cli.flags import GLOBAL, HELP, Flag, Kind

if TYPE_CHECKING:
    from caddis.cli.nouns import LazyGroup
    from caddis.cli.verb import GoCommand


def verb_help(command: GoCommand, context: click.Context) -> str:
    """What `--help` prints for a verb."""
    return f"{command.long or command.short}\n\n{verb_usage(command, context)}"


def verb_usage(command: GoCommand, context: click.Context) -> str:
    """What is printed before a complaint about a verb's arguments."""
    path = _path(context)
    arguments = command.usage.partition(" ")[2]
    parts = [f"Usage:\n  {path}{' ' + arguments if arguments else ''} [flags]\n"]
    if command.shown_aliases:
        parts.append(f"Aliases:\n  {', '.join((context.info_name or '', *command.shown_aliases))}\n")
    if command.examples:
        parts.append("Examples:\n" + "".join(f"  {line}\n" for line in _aligned(command.examples)))
    parts.append(f"Flags:\n{_table(sorted([*command.flags, HELP], key=lambda flag: flag.name))}\n")
    parts.append(f"Global Flags:\n{_table(GLOBAL)}")
    return "\n".join(parts)


def noun_help(group: LazyGroup, context: click.Context) -> str:
    """What a noun alone, or `--help` behind it, prints."""
    path = _path(context)
    rows = [(noun.name, noun.short) for noun in group.noun.children]
    width = max(len(name) for name, _ in rows)
    parts = [f"{group.noun.short}\n", f"Usage:\n  {path} [command]\n"]
    if group.noun.aliases:
        parts.append(f"Aliases:\n  {', '.join((group.noun.name, *group.noun.aliases))}\n")
    parts.append("Available Commands:\n" + "".join(f"  {name.ljust(width)}  {short}\n" for name, short in rows))
    parts.append(f"Flags:\n{_table([*GLOBAL, HELP])}\n")
    parts.append(f'Use "{path} [command] --help" for more information about a command.')
    return "\n".join(parts)


def usage(context: click.Context) -> str:
    """What is printed before a complaint about the arguments of whatever `context` is about."""
    from caddis.cli.nouns import LazyGroup
    from caddis.cli.verb import GoCommand

    if isinstance(context.command, GoCommand):
        return verb_usage(context.command, context)
    if isinstance(context.command, LazyGroup):
        return f"Run '{_path(context)} --help' for usage."
    return ""


def _path(context: click.Context) -> str:
    names: list[str] = []
    walk: click.Context | None = context
    while walk is not None:
        names.append(walk.info_name or "")
        walk = walk.parent
    return " ".join(reversed(names))


def _table(flags: Iterable[Flag]) -> str:
    rows = [(_left(flag), _right(flag)) for flag in flags if not flag.hidden]
    width = max((len(left) for left, _ in rows), default=0)
    return "".join(f"{left.ljust(width)}   {right}".rstrip() + "\n" for left, right in rows).rstrip("\n")


def _aligned(examples: Sequence[str]) -> list[str]:
    """What an example does begins in one column."""
    pairs = [example.partition("  # ") for example in examples]
    width = max(len(line) for line, _, _ in pairs)
    return [f"{line.ljust(width)}  # {words}" if words else line for line, _, words in pairs]


def _left(flag: Flag) -> str:
    names = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
    return names if flag.kind is Kind.SWITCH else f"{names} {flag.kind}"


def _right(flag: Flag) -> str:
    if flag.default in ("", 0, False, ()):
        return flag.help
    return f"{flag.help} (default {str(flag.default).lower() if flag.kind is Kind.SWITCH else flag.default})"


def near(word: str, known: Sequence[str]) -> list[str]:
    """Names that a mistyped word may have meant."""
    import difflib

    return difflib.get_close_matches(word, known, n=3, cutoff=0.7)
