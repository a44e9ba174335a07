"""What `fly scale count` was asked for: `3`, `+1`, `-1`, or `web=2 worker=+1` (facts: cli-deploy-launch 4.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.groups import DEFAULT_GROUP

_COUNT = re.compile(r"(?P<sign>[+-]?)(?P<number>[0-9]{1,6})\Z")
_HOW = "fly scale count 2, or by process group: fly scale count web=2 worker=1"


@dataclass(frozen=True, slots=True)
class Count:
    """So many machines, or so many more (or less) than there are."""

    number: int
    is_relative: bool = False

    def total(self, now: int) -> int:
        """What that makes when there are `now`; never less than none."""
        return max(0, now + self.number) if self.is_relative else self.number


def parse_counts(arguments: Sequence[str], *, group: str) -> dict[str, Count]:
    """By process group; the key "" is for a count that names none while `group`, the flag's, is "" too."""
    counts: dict[str, Count] = {}
    for argument in arguments:
        named, equals, text = argument.rpartition("=")
        if equals and not named:
            raise Invalid(f"{argument!r} is not a valid process=count option", hint=_HOW)
        name = named or group
        if name in counts:
            raise Invalid(f"the count of {name or 'the process group'} is given twice", hint=_HOW)
        counts[name] = _parse(argument, text)
    return counts


def _parse(argument: str, text: str) -> Count:
    found = _COUNT.match(text)
    if found is None:
        raise Invalid(f"{argument!r} is not a valid process=count option", hint=_HOW)
    number, sign = int(found["number"]), found["sign"]
    if sign and not number:
        raise Invalid(f"{argument!r} is an invalid relative count: +0 and -0 change nothing", hint=_HOW)
    return Count(-number if sign == "-" else number, is_relative=bool(sign))


def name_groups(counts: Mapping[str, Count], known: Sequence[str]) -> dict[str, Count]:
    """The same, every count with its group: `app`, or the only one that there is. Invalid for an unknown one."""
    named: dict[str, Count] = {}
    for group, count in counts.items():
        chosen = group or _default(known)
        if chosen not in known:
            raise Invalid(
                f"process group {chosen!r} is not in the app's configuration: it has {', '.join(known)}",
                hint=f"fly scale count {known[0]}=2, or fly scale count 2 --process-group {known[0]}",
            )
        if chosen in named:
            raise Invalid(f"the count of {chosen} is given twice", hint=_HOW)
        named[chosen] = count
    return named


def _default(known: Sequence[str]) -> str:
    if DEFAULT_GROUP in known:
        return DEFAULT_GROUP
    if len(known) > 1:
        raise Invalid(
            f"the app has several process groups ({', '.join(known)}): say which one",
            hint=f"fly scale count {known[0]}=2, or fly scale count 2 --process-group {known[0]}",
        )
    return known[0]
