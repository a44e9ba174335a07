"""A verb of the command line as a click command, and the rules for how many arguments it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from caddis.cli.arguments import BadArguments, rewrite, split_commas
from caddis.cli.flags import GLOBAL, HELP, Flag, Kind, Value

if TYPE_CHECKING:
    from caddis.cli.call import Call

CountRule = Callable[[int], str]  # what is wrong with that many arguments; "" when nothing

_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


def exactly(wanted: int) -> CountRule:
    """Cobra's ExactArgs."""
    return lambda count: "" if count == wanted else f"accepts {wanted} arg(s), received {count}"


def at_most(most: int) -> CountRule:
    """Cobra's MaximumNArgs."""
    return lambda count: "" if count <= most else f"accepts at most {most} arg(s), received {count}"


def at_least(least: int) -> CountRule:
    """Cobra's MinimumNArgs."""
    return lambda count: "" if count >= least else f"requires at least {least} arg(s), only received {count}"


def any_number(_count: int) -> str:
    """Every count is good."""
    return ""


class GoValue(click.ParamType[Any]):
    """Reads one value as Go does, and complains as Go does."""

    name = "value"

    def __init__(self, flag: Flag) -> None:
        self.flag = flag

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:  # noqa: ARG002
        """The value; click.UsageError in cobra's words when it is none."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # the flag's own default
        match self.flag.kind:
            case Kind.SWITCH:
                if value in _TRUE or value in _FALSE:
                    return value in _TRUE
                self._refuse(value, "ParseBool", ctx)
            case Kind.NUMBER:
                try:
                    return int(value.replace(" ", "?"), 10)
                except ValueError:
                    self._refuse(value, "ParseInt", ctx)
            case Kind.DECIMAL:
                try:
                    return float(value)
                except ValueError:
                    self._refuse(value, "ParseFloat", ctx)
        return value

    def _refuse(self, value: str, parser: str, ctx: click.Context | None) -> None:
        raise click.UsageError(
            f'invalid argument "{value}" for "{self.flag.shown}" flag:'
            f' strconv.{parser}: parsing "{value}": invalid syntax',
            ctx,
        )


class GoCommand(click.Command):
    """A click command whose arguments are rewritten by its flags before they are parsed."""

    flags: tuple[Flag, ...]
    long: str  # "" where there is no more to say than `short`
    examples: tuple[str, ...]
    usage: str
    count: CountRule
    short: str = ""  # these two come from the tree
    shown_aliases: tuple[str, ...] = ()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Rewrite, then parse; click.UsageError in cobra's words."""
        try:
            canonical = rewrite(args, (*self.flags, *GLOBAL, HELP))
        except BadArguments as bad:
            raise click.UsageError(str(bad), ctx) from bad
        if "--help=true" in canonical[: canonical.index("--")]:
            click.echo(self.get_help(ctx))
            ctx.exit()
        rest = super().parse_args(ctx, [one for one in canonical if one != "--help=false"])
        complaint = self.count(len(ctx.params["arguments"]))
        if complaint:
            raise click.UsageError(complaint, ctx)
        return rest

    def get_help(self, ctx: click.Context) -> str:
        """Cobra's layout."""
        from caddis.cli.usage import verb_help

        return verb_help(self, ctx)


def parameter_name(flag: str) -> str:
    """Under which click keeps the value of the flag of that name."""
    return "flag_" + flag.replace("-", "_")


def option(flag: Flag) -> click.Option:
    """The click option that reads the canonical form of a flag."""
    return click.Option(
        [f"--{flag.name}", parameter_name(flag.name)],
        type=GoValue(flag),
        multiple=flag.is_many,
        default=flag.default if flag.default != "" else None,
        envvar=list(flag.env) or None,
        hidden=flag.hidden,
    )


def verb(
    run: Callable[[Call], None],
    *,
    usage: str,
    long: str = "",
    examples: Sequence[str] = (),
    flags: Sequence[Flag] = (),
    count: CountRule = any_number,
) -> GoCommand:
    """The command that reads `flags`, counts its arguments and calls `run`. `usage` is "create <volume name>".

    `examples` are whole command lines; words behind `  # ` say what one does. What the verb is for, in one line, stands
    in the tree; `long`, if it is given, takes its place in the verb's own help.
    """

    def callback(**values: Any) -> None:
        from caddis.cli.call import Call

        context = click.get_current_context()
        run(Call.from_context(context, values))

    params: list[click.Parameter] = [option(flag) for flag in (*flags, *GLOBAL)]
    params.append(click.Argument(["arguments"], nargs=-1, required=False))
    command = GoCommand(name=usage.split()[0], params=params, callback=callback, add_help_option=False)
    command.flags = tuple(flags)
    command.long = long
    command.examples = tuple(examples)
    command.usage = usage
    command.count = count
    return command


def comma_items(values: Sequence[str], context: click.Context) -> tuple[str, ...]:
    """`split_commas`, complaining as the rest does."""
    try:
        return split_commas(values)
    except BadArguments as bad:
        raise click.UsageError(str(bad), context) from bad
