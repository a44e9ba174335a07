"""Help and usage in cobra's layout, as wide as the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from caddis.cli.flags import GLOBAL, HELP, Flag, Kind

if TYPE_CHECKING:
    from caddis.cli.nouns import LazyGroup
    from caddis.cli.verb import GoCommand

WIDEST = 110  # columns; longer lines are hard to read, and where there is no terminal nobody says how wide it is
_NARROWEST = 30  # columns for what a flag does; where there is less, that stands in a line of its own


def verb_help(command: GoCommand, context: click.Context) -> str:
    """What `--help` prints for a verb."""
    return f"{prose(command.long or command.short, width_of(context))}\n\n{verb_usage(command, context)}"


def verb_usage(command: GoCommand, context: click.Context) -> str:
    """What is printed before a complaint about a verb's arguments."""
    path, width = path_of(context), width_of(context)
    arguments = command.usage.partition(" ")[2]
    parts = [f"Usage:\n  {path}{' ' + arguments if arguments else ''} [flags]\n"]
    if command.shown_aliases:
        parts.append(f"Aliases:\n  {', '.join((context.info_name or '', *command.shown_aliases))}\n")
    if command.examples:
        parts.append("Examples:\n" + "".join(f"  {line}\n" for line in _aligned(command.examples, width - 2)))
    parts.append(f"Flags:\n{_table(sorted([*command.flags, HELP], key=lambda flag: flag.name), width)}\n")
    parts.append(f"Global Flags:\n{_table(GLOBAL, width)}")
    return "\n".join(parts)


def noun_help(group: LazyGroup, context: click.Context) -> str:
    """What a noun alone, or `--help` behind it, prints."""
    from caddis.cli.pages import NOUNS, TOPICS

    path, width = path_of(context), width_of(context)
    rows = [(child.name, child.short) for child in group.noun.children if not child.hidden]
    page = NOUNS.get(path)
    parts = [prose(f"{group.noun.short}\n\n{page}" if page else group.noun.short, width) + "\n"]
    parts.append(f"Usage:\n  {path} [command]\n")
    if group.noun.aliases:
        parts.append(f"Aliases:\n  {', '.join((group.noun.name, *group.noun.aliases))}\n")
    parts.append("Available Commands:\n" + "".join(f"{line}\n" for line in _columns(rows, width)))
    parts.append(f"Flags:\n{_table([*GLOBAL, HELP], width)}\n")
    if context.parent is None:
        topics = [(f"fly help {name}", topic.short) for name, topic in TOPICS.items()]
        parts.append("More to read:\n" + "".join(f"{line}\n" for line in _columns(topics, width)))
    parts.append(f'Use "{path} [command] --help" for more information about a command.')
    return "\n".join(parts)


def usage(context: click.Context) -> str:
    """What is printed before a complaint about the arguments of whatever `context` is about."""
    from caddis.cli.nouns import LazyGroup
    from caddis.cli.verb import GoCommand

    if isinstance(context.command, GoCommand):
        return verb_usage(context.command, context)
    if isinstance(context.command, LazyGroup):
        return f"Run '{path_of(context)} --help' for usage."
    return ""


def prose(text: str, width: int) -> str:
    """Paragraphs filled to the width; lines that are indented stay as they are."""
    blocks = text.strip("\n").split("\n\n")
    return "\n\n".join(block if block.startswith(" ") else textwrap.fill(block, width) for block in blocks)


def width_of(context: click.Context) -> int:
    """Columns to fill: those of the context, else the terminal's."""
    if context.terminal_width:
        return context.terminal_width
    return min(WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDEST


def path_of(context: click.Context) -> str:
    """ "fly volumes list"."""
    names: list[str] = []
    walk: click.Context | None = context
    while walk is not None:
        names.append(walk.info_name or "")
        walk = walk.parent
    return " ".join(reversed(names))


def _table(flags: Iterable[Flag], width: int) -> str:
    rows = [(_left(flag), _right(flag)) for flag in flags if not flag.hidden]
    return "\n".join(_columns(rows, width, indent=0, gap=3))


def _columns(rows: Sequence[tuple[str, str]], width: int, *, indent: int = 2, gap: int = 2) -> list[str]:
    """Names, and beside each what it is; what does not fit goes on below itself."""
    left = indent + max((len(name) for name, _ in rows), default=0) + gap
    room = width - left
    lines: list[str] = []
    for name, words in rows:
        beside = (" " * indent + name).ljust(left)
        if room >= _NARROWEST:
            lines.append(textwrap.fill(words, width, initial_indent=beside, subsequent_indent=" " * left) or beside)
        else:
            below = textwrap.fill(words, max(width, 20), initial_indent=" " * 10, subsequent_indent=" " * 10)
            lines.extend([beside, *below.splitlines()])
    return [line.rstrip() for line in lines]


def _aligned(examples: Sequence[str], width: int) -> list[str]:
    """What an example does begins in one column, where the longest line leaves room for it."""
    pairs = [example.partition("  # ") for example in examples]
    column = max((len(line) for line, _, words in pairs if words), default=0)
    longest = max((column + len(words) + 4 for _, _, words in pairs if words), default=0)
    column = column if longest <= width else 0
    return [f"{line.ljust(column)}  # {words}" if words else line for line, _, words in pairs]


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
