"""What no agent uses and nobody asked for lately is deleted; nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from caddis.domain.errors import NotFound
from caddis.images.place import Place
from caddis.images.store import ImageStore
from image_rooms import make_context, seen
from tiny_image import make_tiny_image

pytestmark = pytest.mark.host

_DAYS = 86400.0


def _age(images: Path, days: float) -> None:
    """As if everything had happened so long ago."""
    then = time.time() - days * _DAYS
    for path in [*images.glob("names/*"), *images.glob("uses/*/*"), images / "build/root"]:
        if path.exists():
            os.utime(path, (then, then))


def _blobs(images: Path) -> int:
    return len(list((images / "store/blobs/sha256").iterdir()))


def test_what_is_not_used_for_a_day_goes_with_every_part_of_it(tmp_path: Path) -> None:
    images = tmp_path / "images"
    store = ImageStore(images)
    store.ensure(make_tiny_image(tmp_path))
    store.forget_unused([])
    assert len(seen(images)["rootfs"]) == 1, "it was asked for a moment ago"
    _age(images, 2)
    store.forget_unused([])
    assert seen(images) == {"names": [], "rootfs": [], "work": []}
    assert _blobs(images) == 0


def test_what_a_machine_uses_stays_and_what_others_have_goes(tmp_path: Path) -> None:
    images = tmp_path / "images"
    store = ImageStore(images)
    used, unused = (store.ensure(make_tiny_image(tmp_path, name=n, files={"/n": n.encode()})) for n in ("a", "b"))
    _age(images, 2)
    store.forget_unused([used.digest])
    assert seen(images)["rootfs"] == [used.digest.removeprefix("sha256:")]
    assert store.get_config(used.digest) == used
    with pytest.raises(NotFound):
        store.rootfs(unused.digest)


def test_an_agent_never_deletes_what_another_agents_machines_run_on(tmp_path: Path) -> None:
    images, reference = tmp_path / "images", make_tiny_image(tmp_path)
    one, two = ImageStore(images, agent="one"), ImageStore(images, agent="two")
    digest = one.ensure(reference).digest
    two.ensure(reference)
    one.forget_unused([digest])
    _age(images, 30)
    two.forget_unused([])
    assert Path(one.rootfs(digest)).is_dir()


def test_a_machine_that_starts_renews_its_claim(tmp_path: Path) -> None:
    images = tmp_path / "images"
    store = ImageStore(images)
    digest = store.ensure(make_tiny_image(tmp_path)).digest
    _age(images, 2)
    store.rootfs(digest)
    store.forget_unused([])
    assert len(seen(images)["rootfs"]) == 1


def test_built_images_stay_longer_and_bases_for_ever(tmp_path: Path) -> None:
    images = tmp_path / "images"
    store = ImageStore(images)
    base = store.import_base("tiny:1", make_tiny_image(tmp_path))
    context = make_context(tmp_path / "c.tar", {"Dockerfile": "FROM scratch\nCOPY x /\n", "x": "1"})
    built = store.build(context, tag="registry.caddis.internal/app:1", options={}, on_line=lambda _: None)
    _age(images, 2)
    store.forget_unused([])
    assert store.ensure(built)
    assert not (images / "build/root").exists(), "the cache of builds is only kept for a day"
    _age(images, 8)
    store.forget_unused([])
    with pytest.raises(NotFound):
        store.ensure(built)
    assert store.ensure(base)


def test_nothing_is_forgotten_while_somebody_is_at_work(tmp_path: Path) -> None:
    images = tmp_path / "images"
    store = ImageStore(images)
    store.ensure(make_tiny_image(tmp_path))
    _age(images, 2)
    with Place(images).in_use():
        store.forget_unused([])
        assert len(seen(images)["rootfs"]) == 1
    store.forget_unused([])
    assert seen(images)["rootfs"] == []


def test_an_image_that_was_forgotten_comes_back_when_it_is_wanted(tmp_path: Path) -> None:
    images, reference = tmp_path / "images", make_tiny_image(tmp_path)
    store = ImageStore(images)
    config = store.ensure(reference)
    store.forget_unused([], older_than=-1)
    assert seen(images)["rootfs"] == []
    assert store.ensure(reference) == config


def test_what_an_app_can_be_rolled_back_to_stays_until_the_app_lets_it_go(tmp_path: Path) -> None:
    images = tmp_path / "images"
    store = ImageStore(images)
    old = store.ensure(make_tiny_image(tmp_path, name="app", files={"/n": b"old"}))
    new = store.ensure(reference := make_tiny_image(tmp_path, name="app", files={"/n": b"new"}))  # the same path
    store.keep("web", [{"reference": reference, "digest": digest} for digest in (new.digest, old.digest)])
    _age(images, 30)
    store.forget_unused([])
    assert seen(images)["rootfs"] == [], "unpacked again when it is needed"
    assert store.ensure(f"registry.caddis.internal/web@{old.digest}") == old
    store.keep("web", [])
    _age(images, 30)
    store.forget_unused([])
    assert _blobs(images) == 0
