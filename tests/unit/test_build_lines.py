"""The lines of a build, as the command line gets to see them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from caddis.client.builds import build_image
from caddis.domain.errors import Problem


def _build(answer: Iterator[str], seen: list[str]) -> str:
    client: Any = SimpleNamespace(upload=lambda *_, **__: answer)
    return build_image(client, "web", query=(), context=io.BytesIO(), on_line=seen.append)


def test_a_step_is_shown_while_it_runs_and_not_when_it_is_over() -> None:
    seen: list[str] = []

    def answer() -> Iterator[str]:
        yield "STEP 1/1: RUN make"
        assert seen == ["STEP 1/1: RUN make"]  # here the step would take its hour
        yield '{"image": "web:1"}'

    assert _build(answer(), seen) == "web:1"
    assert seen == ["STEP 1/1: RUN make"]


def test_only_the_last_line_is_the_verdict() -> None:
    seen: list[str] = []
    lines = ['{"image": "printed by a step"}', '{"image": "web:1"}']
    assert _build(iter(lines), seen) == "web:1"
    assert seen == lines[:1]


def test_a_verdict_that_is_not_the_end_is_none() -> None:
    with pytest.raises(Problem, match="the build broke off: STEP 2"):
        _build(iter(['{"image": "printed by a step"}', "STEP 2"]), [])


def test_a_failed_build_says_why() -> None:
    with pytest.raises(Problem, match="the build failed: no space"):
        _build(iter(["STEP 1", '{"error": "no space"}']), [])
