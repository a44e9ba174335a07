"""Which images a Dockerfile builds upon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.images.dockerfile import list_bases, write_arguments


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
    ("text", "written"),
    [
        ("ARG A=1\nENV A=$A", 'ARG A="2"\nENV A=$A\n'),
        ("arg A B=3", 'ARG A="2" B=3\n'),
        ("ARG B=3 \\\n  A\nRUN x", 'ARG B=3 A="2"\nRUN x\n'),
        ("ARG B \\", "ARG B\n"),
        ("ARG B\n# ARG A\nRUN echo \\\n ARG A", "ARG B\n# ARG A\nRUN echo \\\n ARG A\n"),
    ],
)
def test_the_values_of_arguments_are_written_where_they_are_declared(text: str, written: str) -> None:
    assert write_arguments(text, {"A": "2"}) == written


def test_a_value_is_written_so_that_it_is_read_as_it_was() -> None:
    assert write_arguments("ARG A", {"A": 'x "y" $z \\'}) == 'ARG A="x \\"y\\" \\$z \\\\"\n'


@given(st.text(alphabet="ARGFOM \\\n$#{}:-=\"'x", max_size=80))
def test_no_text_breaks_the_writer(text: str) -> None:
    assert list_bases(write_arguments(text, {"x": "1"}), {}) is not None
