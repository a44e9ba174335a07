"""What may stand at the end of a command line that is being typed. Pure: names that a server knows are only asked for.

click's own completion reads arguments click's way, which is not ours (arguments.py), so this walks the tree by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from caddis.cli.flags import GLOBAL, HELP, Flag, Kind
from caddis.cli.nouns import Leaf, Noun, load
from caddis.cli.verb import GoCommand


class Source(StrEnum):
    """Where values come from that the tree does not know."""

    APPS = "apps"
    MACHINES = "machines"
    VOLUMES = "volumes"
    DESTROYED_VOLUMES = "destroyed volumes"
    SNAPSHOTS = "snapshots"
    GROUPS = "process groups"
    RELEASES = "releases"
    REGIONS = "regions"
    ORGANIZATIONS = "organizations"
    FILES = "files"
    FOLDERS = "folders"


@dataclass(frozen=True, slots=True)
class Candidate:
    """`help` is shown beside the value where the shell can."""

    value: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The end of the line: candidates begin with `typed` and go behind `prefix`, which is part of the same word."""

    typed: str = ""
    prefix: str = ""
    fixed: tuple[Candidate, ...] = ()
    source: Source | None = None
    given: Mapping[str, str] = field(default_factory=dict)  # flags by name, for whoever asks the server
    used: frozenset[str] = frozenset()  # values that stand on the line already

    def fitting(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those that go on from what was typed, as whole words."""
        return [
            replace(one, value=self.prefix + one.value)
            for one in candidates
            if one.value.startswith(self.typed) and one.value not in self.used
        ]


@dataclass
class _Line:
    """What has been read of the words before the last one."""

    noun: Noun
    leaf: Leaf | None = None
    command: GoCommand | None = None
    given: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    pending: Flag | None = None  # its value comes next
    ended: bool = False  # `--`: no more flags
    lost: bool = False  # a word that no verb or noun has

    @property
    def flags(self) -> tuple[Flag, ...]:
        return (*(self.command.flags if self.command else ()), *GLOBAL, HELP)

    def find(self, name: str) -> Flag | None:
        return next((flag for flag in self.flags if name == flag.name or name in flag.aliases), None)


def place(root: Noun, words: Sequence[str], last: str) -> Place:
    """Where `last` stands behind `words`, which do not hold the program's own name."""
    line = _Line(root)
    for word in words:
        _read(line, word)
    if line.pending is not None:
        return _value(line, line.pending, last, "")
    if not line.ended and last.startswith("-"):
        name, equals, value = last.partition("=")
        flag = (line.find(name[2:]) if name.startswith("--") else _short(line, name[-1:])) if equals else None
        if equals:
            return _value(line, flag, value, f"{name}=") if flag else Place()
        return Place(typed=last, fixed=tuple(_flag_names(line)))
    if line.lost:
        return Place()
    return _word(line, last)


def _read(line: _Line, word: str) -> None:
    if line.pending is not None:
        line.given[line.pending.name], line.pending = word, None
    elif line.ended or word == "-" or not word.startswith("-"):
        _read_word(line, word)
    elif word == "--":
        line.ended = True
    elif word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        _read_flag(line, line.find(name), value if equals else None)
    else:
        _read_letters(line, word[1:])


def _read_letters(line: _Line, letters: str) -> None:
    """`-y`, `-yj`, `-aweb`, `-a=web`, or `-a` before its value."""
    while letters:
        flag, letters = _short(line, letters[0]), letters[1:]
        if flag is not None and flag.bare and not letters.startswith("="):
            line.given[flag.name] = flag.bare
            continue
        _read_flag(line, flag, letters.removeprefix("=") if letters else None)
        return


def _read_flag(line: _Line, flag: Flag | None, value: str | None) -> None:
    if flag is None:
        return
    if value is None and not flag.bare:
        line.pending = flag
    else:
        line.given[flag.name] = flag.bare if value is None else value


def _read_word(line: _Line, word: str) -> None:
    if line.command is not None or line.lost:
        line.arguments.append(word)
        return
    child = line.noun.find(word)
    if child is None:
        line.lost = True
    elif isinstance(child, Noun):
        line.noun = child
    else:
        line.leaf, line.command = child, load(child)


def _short(line: _Line, letter: str) -> Flag | None:
    return next((flag for flag in line.flags if letter and flag.short == letter), None)


def _flag_names(line: _Line) -> Iterable[Candidate]:
    for flag in sorted(line.flags, key=lambda flag: flag.name):
        if not flag.hidden and (flag.is_many or flag.name not in line.given):
            yield Candidate(f"--{flag.name}", flag.help)


# --- values ----------------------------------------------------------------------------------------------------------
def _sizes() -> tuple[str, ...]:
    from caddis.wire.vm_size import VM_SIZES

    return tuple(VM_SIZES)


def _strategies() -> tuple[str, ...]:
    from caddis.wire.release import STRATEGIES

    return STRATEGIES


def _states() -> tuple[str, ...]:
    from caddis.cli.machine.wait import STATES

    return tuple(STATES)


_VALUES: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "vm-size": _sizes,
    "strategy": _strategies,
    "vm-cpu-kind": lambda: ("shared", "performance"),
    "auto-stop": lambda: ("off", "stop", "suspend"),
    "autostop": lambda: ("off", "stop", "suspend"),
    "schedule": lambda: ("hourly", "daily", "weekly", "monthly"),
    "state": _states,
    "restart": lambda: ("no", "on-failure", "always"),
    "fs-type": lambda: ("ext4", "raw"),
    "signal": lambda: ("SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGKILL"),
}
_OF_FLAGS = {
    **dict.fromkeys(("app",), Source.APPS),
    **dict.fromkeys(("org",), Source.ORGANIZATIONS),
    **dict.fromkeys(("region", "regions", "primary-region", "only-regions", "exclude-regions"), Source.REGIONS),
    **dict.fromkeys(("machine", "only-machines", "exclude-machines", "standby-for"), Source.MACHINES),
    **dict.fromkeys(("attach-volume",), Source.VOLUMES),
    **dict.fromkeys(("group", "process-group", "process-groups"), Source.GROUPS),
    **dict.fromkeys(("snapshot-id", "from-snapshot"), Source.SNAPSHOTS),
    **dict.fromkeys(("config", "dockerfile", "ignorefile", "from", "output", "machine-config"), Source.FILES),
    **dict.fromkeys(("path",), Source.FOLDERS),
}
_OF_ARGUMENTS = (  # by what the usage calls them
    ("snapshot id", Source.SNAPSHOTS),
    ("volume id", Source.VOLUMES),
    ("machine id", Source.MACHINES),
    ("app", Source.APPS),
    ("version", Source.RELEASES),
    ("working_directory", Source.FOLDERS),
    ("local", Source.FILES),
    ("file", Source.FILES),
)


def _value(line: _Line, flag: Flag, typed: str, prefix: str) -> Place:
    used: frozenset[str] = frozenset()
    if flag.kind is Kind.LIST and "," in typed:
        items, _, typed = typed.rpartition(",")
        prefix, used = f"{prefix}{items},", frozenset(items.split(","))
    if flag.kind is Kind.SWITCH:
        values: tuple[str, ...] = ("true", "false")
    else:
        values = _VALUES[flag.name]() if flag.name in _VALUES else ()
    return Place(
        typed=typed,
        prefix=prefix,
        fixed=tuple(Candidate(value) for value in values),
        source=None if values else _OF_FLAGS.get(flag.name),
        given=line.given,
        used=used,
    )


def _word(line: _Line, last: str) -> Place:
    """A noun or verb, or an argument of a verb."""
    if line.leaf is None or line.command is None:
        return Place(typed=last, fixed=_children(line.noun, last))
    if line.leaf.module.endswith(".cli.help"):
        return Place(typed=last, fixed=_helped(line, last))
    slot = _slot(line.command.usage, len(line.arguments))
    if "|" in slot and " " not in slot:
        return Place(typed=last, fixed=tuple(Candidate(value) for value in slot.split("|")))
    if slot == "size":
        return Place(typed=last, fixed=tuple(Candidate(size) for size in _sizes()))
    if slot == "id":
        slot = f"{line.noun.name} id"
    source = next((source for words, source in _OF_ARGUMENTS if words in slot), None)
    if source is Source.VOLUMES and line.leaf.name == "restore":
        source = Source.DESTROYED_VOLUMES
    return Place(typed=last, source=source, given=line.given, used=frozenset(line.arguments))


def _slot(usage: str, position: int) -> str:
    """What a usage such as "get <snapshot id> <path> [local]" calls the argument at a position; "" for nothing."""
    slots = re.findall(r"[<\[]([^<>\[\]]+)[>\]]( \.\.\.)?", usage)
    names = [name.removesuffix("...").strip().lower() for name, _ in slots]
    repeated = bool(slots) and (slots[-1][0].endswith("...") or bool(slots[-1][1]))
    if repeated:
        position = min(position, len(names) - 1)
    return names[position] if position < len(names) else ""


def _children(noun: Noun, typed: str) -> tuple[Candidate, ...]:
    """By name; by alias only where no name goes on from what was typed."""
    shown = [child for child in noun.children if not child.hidden]
    names = tuple(Candidate(child.name, child.short) for child in shown if child.name.startswith(typed))
    return names or tuple(Candidate(alias, child.short) for child in shown for alias in child.aliases)


def _helped(line: _Line, typed: str) -> tuple[Candidate, ...]:
    from caddis.cli.pages import TOPICS
    from caddis.cli.tree import ROOT

    noun: Noun | Leaf | None = ROOT
    for word in line.arguments:
        noun = noun.find(word) if isinstance(noun, Noun) else None
    topics = () if line.arguments else tuple(Candidate(name, topic.short) for name, topic in TOPICS.items())
    return (*_children(noun, typed), *topics) if isinstance(noun, Noun) else ()
