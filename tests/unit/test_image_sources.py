"""Where a reference leads."""

from __future__ import annotations

import pytest

from caddis.domain.errors import Invalid
from caddis.images.source import Kind, base_name, candidate_paths, our_name, parse_source

D = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("reference", "kind", "skopeo"),
    [
        ("docker-archive:/a/b.tar", Kind.ARCHIVE, "docker-archive:/a/b.tar"),
        ("oci-archive:/a/b.tar", Kind.ARCHIVE, "oci-archive:/a/b.tar"),
        ("oci:/a/b:tag", Kind.LAYOUT, "oci:/a/b:tag"),
        ("docker-daemon:app", Kind.DAEMON, "docker-daemon:app:latest"),
        ("docker-daemon:app:2", Kind.DAEMON, "docker-daemon:app:2"),
        ("debian:12", Kind.REGISTRY, "docker://debian:12"),
        ("docker://ghcr.io/a/b", Kind.REGISTRY, "docker://ghcr.io/a/b"),
        (f"localhost:5000/a:1@{D}", Kind.REGISTRY, f"docker://localhost:5000/a@{D}"),
        ("registry.caddis.internal/app:1", Kind.OURS, ""),
    ],
)
def test_every_reference_leads_somewhere(reference: str, kind: Kind, skopeo: str) -> None:
    source = parse_source(reference)
    assert (source.kind, source.skopeo) == (kind, skopeo)


def test_a_digest_is_known_before_anybody_is_asked() -> None:
    assert parse_source(f"debian:12@{D}").digest == D
    assert parse_source("debian:12").digest == ""


def test_two_spellings_of_a_registry_are_one_reference() -> None:
    assert parse_source("docker://debian:12").reference == parse_source("debian:12").reference


@pytest.mark.parametrize("bad", ["", "two words", "oci:relative", "UPPER", "docker-archive:x.tar"])
def test_what_leads_nowhere_is_refused(bad: str) -> None:
    with pytest.raises(Invalid):
        parse_source(bad)


def test_our_own_names_always_have_a_tag() -> None:
    assert our_name("registry.caddis.internal/app") == "registry.caddis.internal/app:latest"
    assert base_name("python:12") == "registry.caddis.internal/base/python:12"


@pytest.mark.parametrize("bad", ["app:1", "registry.caddis.internal/", "registry.caddis.internal/../x", "debian"])
def test_other_names_are_not_ours(bad: str) -> None:
    with pytest.raises(Invalid):
        our_name(bad)


def test_a_path_may_itself_contain_a_colon() -> None:
    assert candidate_paths(parse_source("oci:/a:b/c:tag")) == ["/a:b/c:tag", "/a:b/c", "/a"]
