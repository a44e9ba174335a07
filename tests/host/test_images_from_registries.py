"""Images of a registry: fetched once, looked at again, and used without it when it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from caddis.domain.errors import NotFound, Unreachable
from caddis.images.store import ImageStore
from fakes.registry import FakeRegistry
from image_rooms import make_context, programs_started, seen

pytestmark = pytest.mark.host


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    with FakeRegistry(tmp_path) as registry:
        monkeypatch.setenv("SSL_CERT_FILE", str(registry.certificate))
        yield registry


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def _release(store: ImageStore, reference: str) -> str:
    return Path(store.rootfs(store.ensure(reference).digest), "release").read_text()


def test_a_tag_that_has_not_moved_costs_one_look(registry: FakeRegistry, store: ImageStore) -> None:
    registry.push("team/app", "1", {"/release": b"one"})
    reference = f"{registry.address}/team/app:1"
    assert _release(store, reference) == "one"
    with programs_started() as started:
        assert _release(store, reference) == "one"
    assert started == [f"skopeo inspect --raw docker://{reference}"]


def test_a_tag_that_moved_is_followed(registry: FakeRegistry, store: ImageStore) -> None:
    reference = f"{registry.address}/app:1"
    for text in ("one", "two"):
        registry.push("app", "1", {"/release": text.encode()})
        assert _release(store, reference) == text


def test_what_is_here_is_used_when_the_registry_is_gone(registry: FakeRegistry, store: ImageStore) -> None:
    registry.push("app", "1", {"/release": b"one"})
    reference = f"{registry.address}/app:1"
    store.ensure(reference)
    registry.close()
    assert _release(store, reference) == "one"
    with pytest.raises(Unreachable):
        store.ensure(f"{registry.address}/app:2")


def test_a_digest_is_asked_for_once(registry: FakeRegistry, store: ImageStore) -> None:
    digest = registry.push("app", "1", {"/release": b"one"})
    reference = f"{registry.address}/app:1@{digest}"
    assert store.ensure(reference).digest == digest
    with programs_started() as started:
        assert _release(store, reference) == "one"
    assert started == []


def test_a_layer_that_is_here_is_not_fetched_again(registry: FakeRegistry, store: ImageStore) -> None:
    for name in ("one", "two"):
        registry.push(name, "1", {"/release": b"same"})
        store.ensure(f"{registry.address}/{name}:1")
    assert len([asked for asked in registry.requests if asked.startswith("GET") and "/blobs/" in asked]) <= 3


def test_an_absent_tag_is_not_found_and_leaves_nothing(
    registry: FakeRegistry, store: ImageStore, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match=r"/app:9 does not exist in its registry"):
        store.ensure(f"{registry.address}/app:9")
    assert seen(tmp_path / "images") == {"names": [], "rootfs": [], "work": []}


def test_a_dockerfile_builds_on_a_registrys_image_and_without_it_the_next_time(
    registry: FakeRegistry, store: ImageStore, tmp_path: Path
) -> None:
    registry.push("app", "1", {"/release": b"one"})
    dockerfile = f"FROM {registry.address}/app:1\nRUN cp /release /copied\n"
    context = make_context(tmp_path / "c.tar", {"Dockerfile": dockerfile})
    for _ in range(2):
        tag = store.build(context, tag="registry.caddis.internal/app:1", options={}, on_line=lambda _: None)
        assert Path(store.rootfs(store.ensure(tag).digest), "copied").read_text() == "one"
        registry.close()
