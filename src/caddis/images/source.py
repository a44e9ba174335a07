"""Where a reference leads: to a file, to a folder, to a program or to a registry. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from caddis.domain.errors import Invalid
from caddis.domain.image import check_reference

OUR_REGISTRY = "registry.caddis.internal/"  # images that were built or imported here; never on the network
BASES = OUR_REGISTRY + "base/"
_OUR_NAME = re.compile(
    r"registry\.caddis\.internal/[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?\Z"
)
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})\Z")


class Kind(Enum):
    """Who has the image."""

    OURS = "this host"
    ARCHIVE = "that archive"
    LAYOUT = "that folder"
    DAEMON = "the Docker daemon"
    REGISTRY = "its registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRegistry:
    """The installation's own registry: reached without TLS, with the access that stands in a file."""

    address: str
    access: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A reference taken apart. `skopeo` is its spelling for skopeo, `rest` what follows the transport.

    `own` is the installation's registry, where the reference leads there.
    """

    reference: str
    kind: Kind
    skopeo: str
    rest: str = ""
    digest: str = ""
    own: OwnRegistry | None = None


def parse_source(reference: str, own: OwnRegistry | None = None) -> Source:
    """Where this reference leads; Invalid when it leads nowhere. `own`: the installation's registry, if it has one."""
    reference = check_reference(reference)
    for transport, kind in (
        ("docker-archive:", Kind.ARCHIVE),
        ("oci-archive:", Kind.ARCHIVE),
        ("oci:", Kind.LAYOUT),
        ("docker-daemon:", Kind.DAEMON),
    ):
        if reference.startswith(transport):
            rest = reference.removeprefix(transport)
            if kind is Kind.DAEMON and ":" not in rest.rpartition("/")[2]:
                rest += ":latest"
            return Source(reference=reference, kind=kind, skopeo=transport + rest, rest=rest)
    name = reference.removeprefix("docker://")
    found = _DIGEST.search(name)
    digest = found.group(1) if found else ""
    if name.startswith(OUR_REGISTRY):
        return Source(reference=our_name(name), kind=Kind.OURS, skopeo="", digest=digest)
    if digest:  # skopeo refuses a tag beside a digest; the digest decides
        repository = name.removesuffix("@" + digest)
        head, slash, last = repository.rpartition("/")
        name = head + slash + last.partition(":")[0] + "@" + digest
    there = own if own is not None and name.startswith(own.address + "/") else None
    return Source(reference=name, kind=Kind.REGISTRY, skopeo="docker://" + name, digest=digest, own=there)


def our_name(name: str) -> str:
    """The name itself, with a tag; Invalid unless it names an image of this computer."""
    if not _OUR_NAME.match(name):
        raise Invalid(f"image name {name!r} must look like {OUR_REGISTRY}app:tag", field="config.image")
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in last else name + ":latest"


def base_name(short: str) -> str:
    """The full name of a base image, such as python:12."""
    return our_name(BASES + short)


def candidate_paths(source: Source) -> list[str]:
    """What the file or folder may be called: a path may itself contain the colon that else begins a tag."""
    rest, paths = source.rest, [source.rest]
    while ":" in rest:
        rest = rest.rpartition(":")[0]
        paths.append(rest)
    return paths
