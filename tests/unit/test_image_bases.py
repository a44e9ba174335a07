"""Which of apt's sources base images are made from."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_DEBIAN = "Types: deb\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\nComponents: main"
_OTHERS = "Types: deb\nURIs: https://node\nSuites: nodistro\nComponents: main"
_PGDG = "Types: deb\nURIs: https://pg\nSuites: bookworm-pgdg\nComponents: main"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    path = Path(__file__).parents[2] / "packaging/base-images/make.py"
    spec = importlib.util.spec_from_file_location("make_base_images", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _apt(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_only_debians_own_stanzas_are_taken(maker: ModuleType, tmp_path: Path) -> None:
    off = _DEBIAN.replace("mirror", "off") + "\nEnabled: no"
    files = {"sources.list.d/a.sources": f"{_OTHERS}\n\n{_DEBIAN}\n\n{off}\n", "sources.list.d/pg.sources": _PGDG}
    assert maker.find_sources(_apt(tmp_path, files)) == _DEBIAN + "\n"


def test_only_debians_own_lines_are_taken(maker: ModuleType, tmp_path: Path) -> None:
    ours = "deb [signed-by=/k.gpg] http://mirror/debian bookworm main contrib\ndeb http://s bookworm-security main\n"
    others = "deb https://docker bookworm stable\ndeb https://g cloud-sdk-bookworm main\n# deb http://x bookworm main\n"
    assert maker.find_sources(_apt(tmp_path, {"sources.list": ours, "sources.list.d/x.list": others})) == ours


def test_a_computer_that_knows_no_debian_has_none(maker: ModuleType, tmp_path: Path) -> None:
    assert maker.find_sources(_apt(tmp_path, {"sources.list": "deb http://u noble main\n"})) == ""


def test_another_recipe_is_another_image(maker: ModuleType) -> None:
    python, postgres = maker.RECIPES["python"], maker.RECIPES["postgres"]
    assert maker.hash_recipe(python, "") == maker.hash_recipe(python, "")
    assert len({maker.hash_recipe(python, ""), maker.hash_recipe(python, "x"), maker.hash_recipe(postgres, "")}) == 3
