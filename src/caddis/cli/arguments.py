"""Go-style arguments into the one form that click reads.

flyctl is spelled Go's way: `--ha=false`, `-a=web`, `-aweb`, `-yj`, flags after arguments. Plain click refuses the first
and silently reads "=web" for the second. So everything is rewritten, by the flags that are known, to `--name=value` for
each flag (aliases under their flag's own name), then `--`, then the arguments. Complaints are in cobra's words. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from caddis.cli.flags import Flag


class BadArguments(ValueError):
    """What was typed is not how the command is used; the text is cobra's."""


@dataclass(frozen=True, slots=True)
class _Given:
    flag: Flag
    spelled: str  # the name that was typed
    value: str


def rewrite(arguments: Sequence[str], flags: Sequence[Flag]) -> list[str]:
    """Flags as `--name=value`, then `--`, then the arguments."""
    given: list[_Given] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words.extend(rest)
        elif argument.startswith("--"):
            given.append(_long(argument, rest, flags))
        elif argument.startswith("-") and argument != "-" and not _is_number(argument, flags):
            given.extend(_shorts(argument, rest, flags))
        else:
            words.append(argument)
    kept = _apply_aliases(given)
    return [*(f"--{one.flag.name}={one.value}" for one in kept), "--", *words]


def _is_number(argument: str, flags: Sequence[Flag]) -> bool:
    """`fly scale count -1`: a number is an argument, where no flag is a digit."""
    return argument[1:].isdecimal() and not any(flag.short == argument[1] for flag in flags)


def _long(argument: str, rest: Iterator[str], flags: Sequence[Flag]) -> _Given:
    name, equals, value = argument[2:].partition("=")
    if not name or name.startswith("-"):
        raise BadArguments(f"bad flag syntax: {argument}")
    flag = next((flag for flag in flags if name == flag.name or name in flag.aliases), None)
    if flag is None:
        raise BadArguments(f"unknown flag: --{name}")
    if equals:
        return _Given(flag, name, value)
    if flag.bare:
        return _Given(flag, name, flag.bare)
    following = next(rest, None)
    if following is None:
        raise BadArguments(f"flag needs an argument: --{name}")
    return _Given(flag, name, following)


def _shorts(argument: str, rest: Iterator[str], flags: Sequence[Flag]) -> Iterator[_Given]:
    """`-y`, `-yj`, `-a web`, `-aweb`, `-a=web`."""
    letters = argument[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = next((flag for flag in flags if flag.short == letter), None)
        if flag is None:
            raise BadArguments(f"unknown shorthand flag: {letter!r} in {argument}")
        if letters.startswith("="):
            yield _Given(flag, flag.name, letters[1:])
            return
        if flag.bare:
            yield _Given(flag, flag.name, flag.bare)
            continue
        if letters:
            yield _Given(flag, flag.name, letters)
            return
        following = next(rest, None)
        if following is None:
            raise BadArguments(f"flag needs an argument: {letter!r} in {argument}")
        yield _Given(flag, flag.name, following)


def _apply_aliases(given: Sequence[_Given]) -> list[_Given]:
    """An alias never overrides its flag; of several aliases the first that was typed wins."""
    chosen: dict[str, str] = {}
    for one in given:
        own_name = one.flag.name
        if one.spelled == own_name or own_name not in chosen:
            chosen[own_name] = one.spelled
    return [one for one in given if chosen[one.flag.name] == one.spelled]


def split_commas(values: Sequence[str]) -> tuple[str, ...]:
    """The items of a comma list, as Go's CSV reading has them: quotes keep commas together."""
    import csv

    items: list[str] = []
    for value in values:
        try:
            items.extend(item for row in csv.reader([value], strict=True) for item in row)
        except csv.Error as broken:
            raise BadArguments(f"invalid list {value!r}: {broken}") from broken
    return tuple(items)
