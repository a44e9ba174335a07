"""A build's secrets leave the context before anything else looks at it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caddis.domain.errors import Invalid
from caddis.domain.image import BUILD_SECRETS
from caddis.images.build import take_secrets


def test_they_become_files_of_the_builds_own_folder(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / BUILD_SECRETS).write_text(json.dumps({"npm": "one", "pip.conf": "two"}))
    paths = take_secrets(context, tmp_path)
    assert {name: Path(path).read_text() for name, path in paths.items()} == {"npm": "one", "pip.conf": "two"}
    assert list(context.iterdir()) == []
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_a_context_without_any_has_none(tmp_path: Path) -> None:
    assert take_secrets(tmp_path, tmp_path) == {}


def test_a_link_in_their_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / BUILD_SECRETS).symlink_to("/etc/passwd")
    assert take_secrets(tmp_path, tmp_path) == {}


@pytest.mark.parametrize("name", ["a,src=/etc/passwd", "", "a/b", "a b"])
def test_a_name_that_buildah_would_read_as_more_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / BUILD_SECRETS).write_text(json.dumps({name: "x"}))
    with pytest.raises(Invalid, match="a name is letters"):
        take_secrets(tmp_path, tmp_path)
