"""What image manifests and configurations say. Pure: bytes in, values out."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from caddis.domain.errors import Invalid
from caddis.domain.image import ImageConfig

LAYOUT = b'{"imageLayoutVersion": "1.0.0"}'  # the file oci-layout of an OCI layout
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "riscv64": "riscv64", "ppc64le": "ppc64le"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """Names of an image's parts, each "sha256:…"."""

    config: str
    layers: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Everything that the manifest needs to be of use."""
        return (self.config, *self.layers)


def digest_of(content: bytes) -> str:
    """The name of these bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def read_manifest(content: bytes) -> Manifest:
    """The parts of an image; ValueError when this is no manifest."""
    document = _read_object(content)
    try:
        config = str(document["config"]["digest"])
        layers = tuple(str(layer["digest"]) for layer in document.get("layers") or ())
    except (KeyError, TypeError) as absent:
        raise ValueError("not an image manifest") from absent
    if not all(part.startswith("sha256:") and part[7:].isalnum() for part in (config, *layers)):
        raise ValueError("a manifest with unknown hashes")
    return Manifest(config=config, layers=layers)


def correct_layer_types(content: bytes, read_magic: Callable[[str], bytes]) -> bytes:
    """The manifest with each layer's type as its first bytes tell: skopeo 1.9 calls every layer of an archive
    compressed, and umoci believes it. The same bytes when there is nothing to correct.
    """
    document = _read_object(content)
    changed = False
    for layer in document.get("layers") or ():
        right = _LAYER + _compression(read_magic(str(layer["digest"])))
        if str(layer.get("mediaType", "")).startswith("application/vnd.oci.image.layer.v1.tar"):
            changed = changed or layer["mediaType"] != right
            layer["mediaType"] = right
    return json.dumps(document, separators=(",", ":")).encode() if changed else content


def read_config(content: bytes, *, digest: str) -> ImageConfig:
    """What an image asks for, from its configuration; ValueError when this is none."""
    document = _read_object(content)
    wanted = document.get("config") or {}
    if not isinstance(wanted, dict):
        raise ValueError("not an image configuration")
    pairs = (str(entry).partition("=") for entry in wanted.get("Env") or ())
    return ImageConfig(
        digest=digest,
        entrypoint=tuple(map(str, wanted.get("Entrypoint") or ())),
        cmd=tuple(map(str, wanted.get("Cmd") or ())),
        env={name: value for name, _, value in pairs if name},
        workdir=str(wanted.get("WorkingDir") or "/"),
        user=str(wanted.get("User") or ""),
        labels={str(name): str(value) for name, value in (wanted.get("Labels") or {}).items()},
    )


def check_platform(content: bytes, *, reference: str) -> None:
    """Raises Invalid when the image is for another kind of computer."""
    document = _read_object(content)
    here = architecture()
    made_for = str(document.get("architecture") or here)
    system = str(document.get("os") or "linux")
    if (made_for, system) != (here, "linux"):
        raise Invalid(
            f"image {reference} is made for {system}/{made_for}, and this host is linux/{here}",
            hint=f"build or pull it for linux/{here}",
            field="config.image",
        )


def architecture() -> str:
    """This computer's architecture as images spell it."""
    machine = platform.machine()
    return _MACHINES.get(machine, machine)


def keep_upper_layers(content: bytes, config: bytes, *, skip: int) -> tuple[bytes, bytes]:
    """Manifest and configuration of an image without its lowest `skip` layers."""
    upper, upper_config = _read_object(content), _read_object(config)
    upper_config["rootfs"]["diff_ids"] = upper_config["rootfs"]["diff_ids"][skip:]
    upper_config.pop("history", None)
    written = json.dumps(upper_config).encode()
    upper["layers"] = upper["layers"][skip:]
    upper["config"] |= {"digest": digest_of(written), "size": len(written)}
    return json.dumps(upper).encode(), written


def find_manifest_digest(index: bytes, tag: str) -> str | None:
    """Which manifest of an OCI index.json bears this tag."""
    for entry in _read_object(index).get("manifests") or ():
        annotations: Mapping[str, Any] = entry.get("annotations") or {}
        if annotations.get("org.opencontainers.image.ref.name") == tag:
            return str(entry["digest"])
    return None


def write_index(digest: str, size: int, tag: str) -> bytes:
    """An OCI index.json with one image."""
    entry = {
        "mediaType": MANIFEST_TYPE,
        "digest": digest,
        "size": size,
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }
    return json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()


def _compression(magic: bytes) -> str:
    if magic.startswith(b"\x1f\x8b"):
        return "+gzip"
    return "+zstd" if magic.startswith(b"\x28\xb5\x2f\xfd") else ""


def _read_object(content: bytes) -> dict[str, Any]:
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document
