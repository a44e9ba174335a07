"""What launch finds in a folder: each case is a folder (launch_folders/*.toml) and what is to be found in it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from caddis.cli.launch.scanners import scan
from caddis.cli.launch.scanners.dockerfile import with_its_own
from caddis.cli.launch.scanners.folder import Folder, open_folder
from caddis.cli.launch.scanners.package_json import newer_node
from caddis.cli.launch.scanners.source import Source
from caddis.domain.errors import Invalid
from caddis.images.dockerfile import list_bases
from caddis.images.recipes import find_recipe
from caddis.images.source import BASES

FOLDERS = Path(__file__).parent / "launch_folders"
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(FOLDERS.glob("*.toml"))
    for case in tomllib.loads(path.read_text())["case"]
]


def found(case: dict[str, Any]) -> Source | None:
    return scan(Folder.of(case["files"]))


@pytest.mark.parametrize("case", CASES)
def test_what_a_folder_holds_is_found(case: dict[str, Any]) -> None:
    wanted = dict(case.get("found") or {})
    if "error" in case:
        with pytest.raises(Invalid) as refused:
            found(case)
        assert case["error"] in refused.value.message
        return
    source = found(case)
    if not wanted:
        assert source is None
        return
    assert source is not None
    dockerfile = source.files.get("Dockerfile", "")
    for line in wanted.pop("dockerfile", ()):
        assert line in dockerfile, f"{line!r} is not in:\n{dockerfile}"
    for line in wanted.pop("not_in_dockerfile", ()):
        assert line not in dockerfile
    if "note" in wanted:
        assert any(wanted["note"] in note for note in source.notes), source.notes
        del wanted["note"]
    wanted = {name: tuple(value) if isinstance(value, list) else value for name, value in wanted.items()}
    assert {name: getattr(source, name) for name in wanted} == wanted


@pytest.mark.parametrize("case", [case for case in CASES if "found" in case.values[0]])
def test_every_dockerfile_that_is_written_builds_on_what_the_host_can_make(case: dict[str, Any]) -> None:
    source = found(case)
    assert source is not None
    if "Dockerfile" not in source.files:
        return
    text = source.files["Dockerfile"]
    bases = list_bases(text, {})
    assert bases
    assert all(find_recipe(base.removeprefix(BASES)) is not None for base in bases)
    assert f"EXPOSE {source.port}\n" in text
    assert "Dockerfile\n" in source.files[".dockerignore"]
    if "ARG BASE=" in text:
        assert "docker.io/mine:1" in list_bases(text, {"BASE": "docker.io/mine:1"})


def test_a_dockerfile_beside_a_framework_decides_port_and_volume() -> None:
    folder = Folder.of({"package.json": "{}", "index.js": "", "Dockerfile": "FROM x\nEXPOSE 4000\nVOLUME /data\n"})
    source = scan(folder)
    assert source is not None
    own = with_its_own(source, folder)
    assert (own.family, own.port, own.volume, own.files) == ("Node", 4000, "/data", {})


@pytest.mark.parametrize(
    ("engines", "release"),
    [("", ""), (">=16", ""), (">=18.0.0", ""), ("^18 || ^20", ""), ("20.x", "20"), (">=21", "22"), ("v22.1.0", "22")],
)
def test_a_newer_node_is_brought_only_where_the_app_asks_for_it(engines: str, release: str) -> None:
    assert newer_node(engines) == release


def test_a_folder_of_the_disk_is_read_three_levels_deep_and_without_what_was_installed(tmp_path: Path) -> None:
    for name in ("a.py", "b/c.py", "b/c/d.py", "b/c/d/e.py", "node_modules/x/package.json", ".git/config"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    folder = open_folder(tmp_path)
    assert folder.names == {"a.py", "b/c.py", "b/c/d.py"}
    assert folder.text("b/c.py") == "b/c.py"
    assert folder.text("nothing") == ""
    assert folder.matching("*/*.py") == ["b/c.py"]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"cannot read the folder .*/none: No such file"):
        open_folder(tmp_path / "none")
    (tmp_path / "go.mod").symlink_to("/nowhere")
    with pytest.raises(Invalid, match=r"cannot read .*/go\.mod: No such file"):
        scan(open_folder(tmp_path))
