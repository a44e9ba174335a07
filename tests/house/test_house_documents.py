"""HOUSE habit 8: documents are tested."""

from __future__ import annotations

import re
import tomllib

import pytest
from house_rules import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z]+):.*## .+$", MAKEFILE, re.MULTILINE)
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
TERMS = (
    *("app", "machine", "release", "image", "volume", "snapshot", "fork", "mount", "region", "zone", "lease", "secret"),
    *(
        "service",
        "check",
        "token",
        "host",
        "pool",
        "device",
        "key",
        "attachment",
        "order",
        "operation",
        "step",
        "event",
    ),
    *("instruction", "problem", "rootfs", "runtime", "kept", "local"),
)


def test_every_target_of_the_makefile_is_phony_and_says_what_it_does() -> None:
    declared = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert declared and sorted(declared[1].split()) == sorted(TARGETS)
    assert set(TARGETS) == set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_a_document_names_exists(document: object) -> None:
    named = re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", document.read_text(), re.MULTILINE)  # type: ignore[attr-defined]
    assert {one or other for one, other in named} <= set(TARGETS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: object) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):  # type: ignore[attr-defined]
        assert (document.parent / target).exists(), target  # type: ignore[attr-defined]


def test_every_file_of_the_project_that_a_document_names_exists() -> None:
    for document in DOCUMENTS:
        for name in re.findall(r"`((?:tests|src|docs|packaging|bench|examples)/[\w/.-]+)`", document.read_text()):
            assert (ROOT / name).exists(), f"{document.name} names {name}"


def test_the_readme_shows_the_pages_commands() -> None:
    text = (ROOT / "README.md").read_text()
    for command in ("fly launch", "fly volumes create myapp_data --region lhr --size 1 --app myapp", "fly deploy"):
        assert command in text
    for command in ("fly volumes list", "fly volume delete <vol-id>", "make demo", "make test", "caddis up --hosts 2"):
        assert command in text


def test_every_caddis_command_that_a_document_names_exists() -> None:
    from caddis.admin.main import VERBS

    for document in DOCUMENTS:
        for verb in re.findall(r"`caddis ([a-z]+)", document.read_text()):
            assert verb in {*VERBS, "backup"}, f"{document.name} names caddis {verb}"


@pytest.mark.parametrize("term", TERMS)
def test_the_glossary_has_every_word_of_the_house(term: str) -> None:
    assert re.search(rf"^\|.*\*\*{term}\*\*.*\|", (ROOT / "GLOSSARY.md").read_text(), re.MULTILINE)


def test_every_library_has_its_reason() -> None:
    reasons = (ROOT / "docs/decisions/0002-dependencies.md").read_text()
    extras = [line for group in PROJECT["project"]["optional-dependencies"].values() for line in group]
    for requirement in [*PROJECT["project"]["dependencies"], *extras]:
        name = re.split(r"[~=<>\[; ]", requirement)[0]
        assert f"`{name}`" in reasons, f"docs/decisions/0002-dependencies.md does not say what {name} is for"


def test_every_reason_belongs_to_a_library_that_is_used() -> None:
    table = re.findall(r"^\| `([\w.-]+)` \|", (ROOT / "docs/decisions/0002-dependencies.md").read_text(), re.MULTILINE)
    used = {re.split(r"[~=<>\[; ]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]}
    assert set(table) == used


def test_decisions_are_numbered_once_dated_and_say_what_was_given_up() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [path.name[:4] for path in decisions]
    assert len(set(numbers)) == len(numbers)
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {path.name[:4]}. "), path.name
        assert re.search(r"^20\d\d-\d\d-\d\d$", text, re.MULTILINE), path.name
        assert "## What we gave up" in text, path.name


def test_every_room_stands_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for room in sorted(path.name for path in (ROOT / "src/caddis").iterdir() if (path / "__init__.py").exists()):
        assert re.search(rf"\b{room}\b", text), room


def test_every_library_in_the_lock_has_its_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+)==\S+ \\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(pins) == lock.count("==")
    for requirement in PROJECT["project"]["dependencies"]:
        assert re.split(r"[~=<>\[; ]", requirement)[0].replace(".", "-") in pins  # as the lock spells names
