"""Which images a Dockerfile builds upon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.images.dockerfile import list_bases, mark_arguments


@pytest.mark.parametrize(
    ("text", "bases"),
    [
        ("FROM debian:12", ("debian:12",)),
        ("from --platform=linux/amd64 debian:12 as build\nFROM build\nCOPY --from=build /a /b", ("debian:12",)),
        ("FROM scratch\nCOPY x /", ()),
        ("FROM Build AS x\nFROM x\nCOPY --from=0 a b\nCOPY --from=busybox a b", ("Build", "busybox")),
        ("ARG V=12\nFROM debian:$V", ("debian:12",)),
        ('ARG BASE="debian:12"\nFROM ${BASE}', ("debian:12",)),
        ("FROM debian:${V:-11}", ("debian:11",)),
        ("ARG V\nFROM $V", ()),
        (
            "# FROM no\nFROM \\\n  debian:12 \\\n  AS x\nRUN --mount=type=bind,from=other,target=/m ls",
            ("debian:12", "other"),
        ),
        ("FROM a\nRUN echo --from=b FROM c", ("a",)),
        ("FROM oci:/x/y:z", ("oci:/x/y:z",)),
        ("", ()),
        ("FROM", ()),
    ],
)
def test_bases_are_found(text: str, bases: tuple[str, ...]) -> None:
    assert list_bases(text, {}) == bases


def test_a_build_argument_overrules_its_default() -> None:
    assert list_bases("ARG V=12\nFROM debian:$V", {"V": "13"}) == ("debian:13",)


@given(st.text(alphabet="FROMCPYas \\\n$#{}:-=\"'x", max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert all(list_bases(text, {}))


@pytest.mark.parametrize(
    "text",
    ["ARG A=1\nFROM x\n", "FROM x\nARG B\n# ARG A\nRUN echo \\\n ARG A\n", "FROM x\nENV A=1\n"],
)
def test_a_dockerfile_that_does_not_use_the_argument_stays_as_it_is(text: str) -> None:
    assert mark_arguments(text, {"A": "2"}) == text


def test_another_value_makes_other_words_right_behind_the_argument() -> None:
    one, two = (
        mark_arguments("FROM x\nRUN y\narg B \\\n A=1\nENV A=$A\n", {"A": value}).splitlines() for value in "12"
    )
    assert [number for number, (a, b) in enumerate(zip(one, two, strict=True)) if a != b] == [4]
    assert one[4].startswith("LABEL internal.caddis.argument.A=")
    assert [line for line in one if not line.startswith("LABEL")] == ["FROM x", "RUN y", "arg B \\", " A=1", "ENV A=$A"]


def test_no_value_of_an_argument_is_written_down() -> None:
    assert "secret" not in mark_arguments("FROM x\nARG A\n", {"A": "secret"})


@given(st.text(alphabet="ARGFOM \\\n$#{}:-=\"'x", max_size=80))
def test_no_text_breaks_the_writer(text: str) -> None:
    assert list_bases(mark_arguments(text, {"x": "1"}), {}) == list_bases(text, {})
