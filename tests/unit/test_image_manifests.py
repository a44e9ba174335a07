"""What image manifests and configurations say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.errors import Invalid
from caddis.images import manifest

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def _manifest(layer_type: str) -> bytes:
    return json.dumps({"config": {"digest": A}, "layers": [{"mediaType": layer_type, "digest": B}]}).encode()


def test_a_manifest_names_its_parts() -> None:
    assert manifest.read_manifest(_manifest("x")).parts == (A, B)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"config": {"digest": "sha256:../../etc/passwd"}}', b'{"config": {"digest": "md5:a"}}'],
)
def test_what_is_no_manifest_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ValueError):
        manifest.read_manifest(content)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    try:
        manifest.read_manifest(content)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("magic", "right"), [(b"\x1f\x8b\x08\x00", "tar+gzip"), (b"\x28\xb5\x2f\xfd", "tar+zstd"), (b"bin/", "tar")]
)
def test_a_layers_type_is_told_by_its_first_bytes(magic: bytes, right: str) -> None:
    stem = "application/vnd.oci.image.layer.v1."
    corrected = manifest.correct_layer_types(_manifest(stem + "tar+gzip"), lambda _: magic)
    assert json.loads(corrected)["layers"][0]["mediaType"] == stem + right


def test_a_right_manifest_stays_as_it_is_to_the_byte() -> None:
    content = _manifest("application/vnd.oci.image.layer.v1.tar+gzip")
    assert manifest.correct_layer_types(content, lambda _: b"\x1f\x8b\x08\x00") is content


def test_a_configuration_becomes_what_the_image_asks_for() -> None:
    document = {
        "config": {
            "Entrypoint": ["/init"],
            "Cmd": ["run"],
            "Env": ["PATH=/bin", "EMPTY=", "TWO=a=b"],
            "WorkingDir": "/app",
            "User": "app:app",
            "Labels": {"a": "b"},
        }
    }
    config = manifest.read_config(json.dumps(document).encode(), digest=A)
    assert (config.entrypoint, config.cmd, config.workdir, config.user) == (("/init",), ("run",), "/app", "app:app")
    assert config.env == {"PATH": "/bin", "EMPTY": "", "TWO": "a=b"}
    assert config.labels == {"a": "b"}


def test_an_empty_configuration_asks_for_nothing() -> None:
    config = manifest.read_config(b'{"config": {"Cmd": null, "Labels": null}}', digest=A)
    assert (config.cmd, config.env, config.workdir, config.user) == ((), {}, "/", "")


def test_an_image_for_another_kind_of_computer_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match=r"docker-archive:/x\.tar is made for linux/s390x, and this host is linux/"):
        manifest.check_platform(b'{"architecture": "s390x", "os": "linux"}', reference="docker-archive:/x.tar")


def test_an_index_that_we_write_is_one_that_we_read() -> None:
    index = manifest.write_index(A, 10, "image")
    assert manifest.find_manifest_digest(index, "image") == A
    assert manifest.find_manifest_digest(index, "other") is None
