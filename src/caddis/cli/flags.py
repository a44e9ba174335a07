"""Flags, declared as values and spelled as flyctl spells them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Value = str | int | float | bool | tuple[str, ...]


class Kind(StrEnum):
    """What a flag's value is; the word that help shows for it."""

    TEXT = "string"
    NUMBER = "int"
    DECIMAL = "float"
    SWITCH = "bool"
    LIST = "strings"  # may be repeated, and commas separate
    REPEATED = "stringArray"  # may be repeated, commas are part of the value


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """`bare` is what the flag means when it stands without a value ("" when it needs one)."""

    name: str
    kind: Kind
    short: str = ""
    default: Value = ""
    help: str = ""
    aliases: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    bare: str = ""
    hidden: bool = False

    @property
    def is_many(self) -> bool:
        """Whether it may be given several times."""
        return self.kind in (Kind.LIST, Kind.REPEATED)

    @property
    def shown(self) -> str:
        """As Go's errors name it: "-s, --size" or "--size"."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


def text(name: str, short: str = "", *, help: str, default: str = "", env: tuple[str, ...] = ()) -> Flag:
    """A flag with one text."""
    return Flag(name=name, kind=Kind.TEXT, short=short, help=help, default=default, env=env)


def number(name: str, short: str = "", *, help: str, default: int = 0) -> Flag:
    """A flag with a whole number."""
    return Flag(name=name, kind=Kind.NUMBER, short=short, help=help, default=default)


def decimal(name: str, *, help: str, default: float) -> Flag:
    """A flag with a number."""
    return Flag(name=name, kind=Kind.DECIMAL, help=help, default=default)


def switch(
    name: str, short: str = "", *, help: str, default: bool = False, aliases: tuple[str, ...] = (), hidden: bool = False
) -> Flag:
    """A flag that is on or off: `--ha`, `--ha=false`."""
    return Flag(
        name=name,
        kind=Kind.SWITCH,
        short=short,
        help=help,
        default=default,
        bare="true",
        aliases=aliases,
        hidden=hidden,
    )


def many(name: str, short: str = "", *, help: str, commas: bool = False, aliases: tuple[str, ...] = ()) -> Flag:
    """A flag that may be repeated; with `commas`, one may hold several."""
    kind = Kind.LIST if commas else Kind.REPEATED
    return Flag(name=name, kind=kind, short=short, help=help, default=(), aliases=aliases)


APP = text("app", "a", help="Application name")
CONFIG = text("config", "c", help="Path to application configuration file")
JSON = switch("json", "j", help="JSON output")
YES = switch("yes", "y", help="Accept all confirmations", aliases=("auto-confirm",))
REGION = text("region", "r", help="The target region", env=("FLY_REGION",))
ORG = text("org", "o", help="The target organization", env=("FLY_ORG", "FLY_ORGANIZATION"))
HELP = switch("help", "h", help="help for this command")

GLOBAL = (
    text("access-token", "t", help="API access token"),
    switch("debug", help="Print the traceback of an error"),
    switch("verbose", help="Verbose output"),
)

APP_FLAGS = (APP, CONFIG)

VM = (
    text("vm-size", help='The size of a machine, such as "shared-cpu-1x"; see `fly platform vm-sizes`'),
    Flag(name="vm-cpus", kind=Kind.NUMBER, default=0, help="Number of CPUs", aliases=("cpus",)),
    Flag(name="vm-cpu-kind", kind=Kind.TEXT, help="shared or performance", aliases=("vm-cpukind",)),
    Flag(name="vm-memory", kind=Kind.TEXT, help="Memory in megabytes, or as 512mb or 1gb", aliases=("memory",)),
    Flag(name="vm-gpus", kind=Kind.TEXT, hidden=True),
    Flag(name="vm-gpu-kind", kind=Kind.TEXT, hidden=True, aliases=("vm-gpukind",)),
    Flag(name="host-dedication-id", kind=Kind.TEXT, hidden=True),
)
