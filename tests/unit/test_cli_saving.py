"""What a command saves here: whole or not at all, and never in the place of something that is not a plain file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from caddis.cli.saving import check_free, saved
from caddis.domain.errors import Conflict


def test_a_file_has_its_name_once_it_is_whole_and_force_replaces_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content, force in ((b"one", False), (b"two", True)):
        with saved(path, force=force) as file:
            file.write(content)
        assert path.read_bytes() == content
    with pytest.raises(Conflict, match="exists already"), saved(path, force=False):
        pass
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("elsewhere", path)])
def test_force_replaces_nothing_but_a_plain_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    path = tmp_path / "odd"
    make(path)
    before = path.lstat()
    with pytest.raises(Conflict) as refused, saved(path, force=True):
        pass
    assert refused.value.hint == "use another name"
    assert path.lstat() == before


def test_a_folder_replaces_nothing_and_nobody_is_told_to_force_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(Conflict) as refused:
        check_free(tmp_path / "file", force=True, folder=True)
    assert refused.value.hint == "use another name"
