"""An image reference, as people write it, and what an image asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from caddis.domain.errors import Invalid

# skopeo's transports that we accept; anything else is a registry reference ("docker://")
TRANSPORTS = ("docker-archive:", "oci-archive:", "oci:", "docker-daemon:", "docker://")
BUILD_SECRETS = ".caddis.build-secrets"  # the member of a build's context that is taken out before anything else
_REGISTRY_REFERENCE = re.compile(
    r"(?:[a-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """Taken apart for `image_ref` in a machine (facts: machines-api 4.2)."""

    registry: str
    repository: str
    tag: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What an image says about how to run it (OCI image configuration)."""

    digest: str
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def check_reference(image: str) -> str:
    """The reference itself; Invalid unless it is one of our transports or a registry reference."""
    text = image.strip()
    if not text:
        raise Invalid("the machine's config has no image", field="config.image")
    if re.search(r"[\x00-\x20]", text):
        raise Invalid(f"image {image!r} is not a reference: it contains blanks", field="config.image")
    for transport in TRANSPORTS:
        if text.startswith(transport):
            rest = text.removeprefix(transport)
            if transport in ("docker-archive:", "oci-archive:", "oci:") and not rest.startswith("/"):
                raise Invalid(f"image {image!r}: the path after {transport} must be absolute", field="config.image")
            if transport != "docker://":
                return text
            text = rest
    if not _REGISTRY_REFERENCE.match(text):
        raise Invalid(
            f"image {image!r} is not a reference like debian:12 or docker-archive:/path/image.tar", field="config.image"
        )
    return image.strip()


def parse_reference(image: str) -> ImageReference:
    """The parts of a reference; transports other than a registry become the registry's name."""
    text = image.removeprefix("docker://")
    for transport in TRANSPORTS:
        if text.startswith(transport):
            path, _, tag = text.removeprefix(transport).partition(":")
            return ImageReference(registry=transport.rstrip(":"), repository=path, tag=tag or "latest")
    text, _, digest = text.partition("@")
    head, slash, rest = text.partition("/")
    has_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
    registry, path = (head, rest) if has_host else ("registry-1.docker.io", text)
    if not has_host and "/" not in path:
        path = "library/" + path
    repository, _, tag = path.partition(":")
    return ImageReference(registry=registry, repository=repository, tag=tag or "latest", digest=digest)
