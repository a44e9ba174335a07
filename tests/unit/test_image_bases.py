"""What base images are made from: which of apt's sources, and when one is another image."""

from __future__ import annotations

from pathlib import Path

import pytest

from caddis.images.apt import add_backports, find_sources
from caddis.images.bases import Surroundings, look_around
from caddis.images.recipes import RECIPES, find_recipe

_DEBIAN = "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\nComponents: main"
_SECURITY = "Types: deb\nURIs: http://mirror/security\nSuites: bookworm-security\nComponents: main"
_OTHERS = "Types: deb\nURIs: https://node\nSuites: nodistro\nComponents: main"
_PGDG = "Types: deb\nURIs: https://pg\nSuites: bookworm-pgdg\nComponents: main"


def _files(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_only_debians_own_stanzas_are_taken(tmp_path: Path) -> None:
    off = _DEBIAN.replace("mirror", "off") + "\nEnabled: no"
    files = {"sources.list.d/a.sources": f"{_OTHERS}\n\n{_DEBIAN}\n\n{off}\n", "sources.list.d/pg.sources": _PGDG}
    assert find_sources(_files(tmp_path, files)) == _DEBIAN + "\n"


def test_only_debians_own_lines_are_taken(tmp_path: Path) -> None:
    ours = "deb [signed-by=/k.gpg] http://mirror/debian bookworm main contrib\ndeb http://s bookworm-security main\n"
    others = "deb https://docker bookworm stable\ndeb https://g cloud-sdk-bookworm main\n# deb http://x bookworm main\n"
    assert find_sources(_files(tmp_path, {"sources.list": ours, "sources.list.d/x.list": others})) == ours


def test_a_computer_that_knows_no_debian_has_none(tmp_path: Path) -> None:
    assert find_sources(_files(tmp_path, {"sources.list": "deb http://u noble main\n"})) == ""


@pytest.mark.parametrize(
    ("sources", "added"),
    [
        (f"{_SECURITY}\n\n{_DEBIAN}\n", "URIs: http://mirror/debian\nSuites: bookworm-backports"),
        (
            "deb http://s bookworm-security main\ndeb [signed-by=/k.gpg] http://m/debian bookworm main\n",
            "deb [signed-by=/k.gpg] http://m/debian bookworm-backports main",
        ),
        ("", "deb http://deb.debian.org/debian bookworm-backports main"),
    ],
)
def test_backports_come_from_where_the_suite_comes_from(sources: str, added: str) -> None:
    written = add_backports(sources)
    assert sources in written
    assert added in written
    assert "bookworm main" in written or "Suites: bookworm bookworm-updates" in written


def test_another_recipe_another_mirror_or_another_authority_is_another_image(tmp_path: Path) -> None:
    python, postgres = RECIPES["python"], RECIPES["postgres"]
    here = look_around(_files(tmp_path, {"usr/local/share/ca-certificates/ours/company.crt": "a"}))
    hashes = [here.hash(python), here.hash(postgres), Surroundings("deb x", ()).hash(python)]
    _files(tmp_path, {"usr/local/share/ca-certificates/ours/company.crt": "b"})
    assert len({*hashes, here.hash(python)}) == 4
    assert here.hash(python) == here.hash(python)


def test_every_tag_belongs_to_one_recipe() -> None:
    tags = [tag for recipe in RECIPES.values() for tag in recipe.tags]
    assert len(tags) == len(set(tags))
    assert all(find_recipe(tag) is not None for tag in tags)
    assert find_recipe("python:12") is find_recipe("python:3.11")
    assert find_recipe("none:1") is None
