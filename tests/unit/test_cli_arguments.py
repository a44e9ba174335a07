"""Go-style arguments are rewritten into the one form that click reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.cli.arguments import BadArguments, rewrite, split_commas
from caddis.cli.flags import APP, JSON, Flag, Kind, many, number, switch
from caddis.cli.flags import YES as SURE

HA = switch("ha", help="", default=True)
SIZE = number("size", "s", help="")
REGIONS = many("regions", help="", commas=True, aliases=("only-regions",))
CPUS = Flag(name="vm-cpus", kind=Kind.NUMBER, aliases=("cpus",))
FLAGS = (APP, JSON, SURE, HA, SIZE, REGIONS, CPUS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--ha=false", ["--ha=false", "--"]),
        ("--ha", ["--ha=true", "--"]),
        ("-a=web", ["--app=web", "--"]),
        ("-aweb", ["--app=web", "--"]),
        ("-a web x", ["--app=web", "--", "x"]),
        ("x -a web", ["--app=web", "--", "x"]),
        ("--app web", ["--app=web", "--"]),
        ("--app=", ["--app=", "--"]),
        ("-yj", ["--yes=true", "--json=true", "--"]),
        ("-yjaweb", ["--yes=true", "--json=true", "--app=web", "--"]),
        ("-y=false", ["--yes=false", "--"]),
        ("--auto-confirm", ["--yes=true", "--"]),
        ("-s -1", ["--size=-1", "--"]),
        ("-- -a", ["--", "-a"]),
        ("-", ["--", "-"]),
        ("-1 -a web", ["--app=web", "--", "-1"]),  # as in: fly scale count -1
        ("--regions a,b --regions c", ["--regions=a,b", "--regions=c", "--"]),
        ("--cpus 2 --vm-cpus 4", ["--vm-cpus=4", "--"]),
        ("--cpus 2", ["--vm-cpus=2", "--"]),
    ],
)
def test_every_go_spelling_becomes_one(words: str, expected: list[str]) -> None:
    assert rewrite(words.split(), FLAGS) == expected


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--bogus", "unknown flag: --bogus"),
        ("--bogus=1", "unknown flag: --bogus"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("-yx", "unknown shorthand flag: 'x' in -yx"),
        ("--app", "flag needs an argument: --app"),
        ("-a", "flag needs an argument: 'a' in -a"),
        ("--=x", "bad flag syntax: --=x"),
        ("---", "bad flag syntax: ---"),
    ],
)
def test_what_is_wrong_is_said_in_cobra_s_words(words: str, complaint: str) -> None:
    with pytest.raises(BadArguments) as refused:
        rewrite(words.split(), FLAGS)
    assert str(refused.value) == complaint


def test_commas_separate_and_quotes_keep_them() -> None:
    assert split_commas(("a,b", '"c,d",e')) == ("a", "b", "c,d", "e")


@given(st.lists(st.text(max_size=8), max_size=6))
def test_whatever_is_typed_is_either_rewritten_or_refused(words: list[str]) -> None:
    try:
        canonical = rewrite(words, FLAGS)
    except BadArguments:
        return
    flags, arguments = canonical[: canonical.index("--")], canonical[canonical.index("--") + 1 :]
    assert all(one.startswith("--") and "=" in one for one in flags)
    assert all(argument in words for argument in arguments)


@given(st.lists(st.sampled_from(["x", "y z", "-", ""]), max_size=4), st.text(max_size=5), st.booleans())
def test_a_rewritten_line_is_rewritten_to_itself(words: list[str], value: str, on: bool) -> None:
    line = [*words, f"--app={value}", f"--ha={'true' if on else 'false'}"]
    once = rewrite(line, FLAGS)
    assert rewrite(once, FLAGS) == once
    assert once == [f"--app={value}", f"--ha={'true' if on else 'false'}", "--", *words]
