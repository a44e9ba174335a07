"""The reference is what the programs are: every verb and every route has its heading, and nothing is out of date."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType

import pytest
from house_rules import ROOT

NAMES = ("fly.md", "caddis.md", "api.md")


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("caddis_reference", ROOT / "packaging/reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_up_to_date(name: str) -> None:
    kept = ROOT / "docs/reference" / name
    assert kept.exists() and kept.read_text() == _reference().documents()[name], "run: make docs"


def test_every_route_says_what_it_is_for() -> None:
    text = (ROOT / "docs/reference/api.md").read_text()
    assert not re.search(r"^ ?For: ", text, re.MULTILINE), "an endpoint has no docstring"


def test_every_command_of_the_page_has_its_heading() -> None:
    headings = set(re.findall(r"^## (.+)$", (ROOT / "docs/reference/fly.md").read_text(), re.MULTILINE))
    for command in ("launch", "deploy", "volumes create", "volumes list", "volumes destroy", "machine exec", "status"):
        assert f"fly {command}" in headings
