"""From a reference to the digest of an image whose parts are all in the store."""

from __future__ import annotations

import os
from pathlib import Path

from caddis.domain.errors import Invalid, NoCapacity, NotFound, Problem, Unreachable
from caddis.images import manifest
from caddis.images.names import Name, Names, look_at_path
from caddis.images.place import Place, Work
from caddis.images.source import Kind, Source
from caddis.kernel import skopeo
from caddis.kernel.command import Command, Failed, run
from caddis.kernel.skopeo import Complaint, Way
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam

TAG = "image"  # the only one in each of our temporary layouts


def resolve(place: Place, names: Names, source: Source) -> str:
    """The digest behind a reference, fetched if it has to be. Starts no program when nothing can have changed.

    NotFound, Invalid or Unreachable when there is no such image, it is broken, or its registry does not answer.
    """
    if source.digest and is_whole(place, source.digest):
        return source.digest
    if source.kind is Kind.OURS:
        return _resolve_ours(place, names, source)
    known = names.find(source.reference)
    if known is not None and not is_whole(place, known.digest):
        known = None
    try:
        look = _look(source)
    except Unreachable:
        if known is None:
            raise
        note("images.registry_unreachable", reference=source.reference, using=known.digest)
        return known.digest
    if known is not None and look and known.look == look:
        names.touch(source.reference)
        return known.digest
    with place.one_at_a_time(f"fetch-{manifest.digest_of(source.reference.encode())[7:]}"):
        known = names.find(source.reference)  # another process may have been quicker
        if known is not None and look and known.look == look and is_whole(place, known.digest):
            return known.digest
        digest = fetch(place, source)
        # An archive that was rewritten while we read it must be read again next time.
        names.put(Name(source.reference, digest, look if look == _look_again(source, look) else ""))
    seam("images.fetch:recorded")
    return digest


def fetch(place: Place, source: Source) -> str:
    """Copy an image into the store, whatever is there already; its digest."""
    with place.working() as work:
        prepare_layout(place, work.folder)
        target, scratch = f"oci:{work.folder}:{TAG}", str(work.folder)
        _run(skopeo.copy(source.skopeo, target, scratch=scratch, way=_way(source), pass_fds=(work.lock,)), source)
        seam("images.fetch:copied")
        return adopt(place, work, reference=source.reference)


def adopt(place: Place, work: Work, *, reference: str) -> str:
    """The image that a program wrote into a temporary layout becomes one of the store's; its digest."""
    try:
        written = manifest.find_manifest_digest((work.folder / "index.json").read_bytes(), TAG)
        if written is None:
            raise ValueError("no manifest was written")
        content = place.blob(written).read_bytes()
        parts = manifest.read_manifest(content)
        config = place.blob(parts.config).read_bytes()
        manifest.read_config(config, digest=written)
        manifest.check_platform(config, reference=reference)
        corrected = manifest.correct_layer_types(content, lambda digest: read_magic(place.blob(digest)))
    except (ValueError, FileNotFoundError) as broken:
        raise Invalid(f"image {reference} is not a container image: {broken}", field="config.image") from broken
    digest = manifest.digest_of(corrected)
    if digest != written:
        _put_blob(place, work, digest, corrected)
    place.sync()
    return digest


def prepare_layout(place: Place, folder: Path, *, digest: str = "") -> None:
    """Make `folder` an OCI layout whose blobs are the store's, and that holds the image `digest` if one is given."""
    (folder / "oci-layout").write_bytes(manifest.LAYOUT)
    (folder / "blobs").symlink_to(place.blobs.parent)
    if digest:
        size = place.blob(digest).stat().st_size
        (folder / "index.json").write_bytes(manifest.write_index(digest, size, TAG))


def is_whole(place: Place, digest: str) -> bool:
    """Whether every part of this image is in the store."""
    try:
        parts = manifest.read_manifest(place.blob(digest).read_bytes()).parts
    except (FileNotFoundError, ValueError):
        return False
    return all(place.blob(part).exists() for part in parts)


def read_magic(blob: Path) -> bytes:
    """The first bytes of a blob."""
    with blob.open("rb") as file:
        return file.read(4)


def _resolve_ours(place: Place, names: Names, source: Source) -> str:
    known = names.find(source.reference)
    if known is None or not is_whole(place, known.digest):
        raise NotFound(
            f"image {source.reference} does not exist: nothing of that name was built or imported on this host",
            hint="fly deploy builds it from your Dockerfile; see docs/guide/images.md",
        )
    names.touch(source.reference)
    return known.digest


def _look(source: Source) -> str:
    """How the source looks now; "" when it cannot be looked at cheaply."""
    if source.kind in (Kind.ARCHIVE, Kind.LAYOUT):
        return look_at_path(source)
    if source.kind is Kind.DAEMON:
        return ""
    if source.digest:
        return source.digest
    return manifest.digest_of(_run(skopeo.look(source.skopeo, way=_way(source)), source))


def _way(source: Source) -> Way:
    return Way() if source.own is None else Way(plain=True, access=str(source.own.access))


def _look_again(source: Source, look: str) -> str:
    return look_at_path(source) if source.kind in (Kind.ARCHIVE, Kind.LAYOUT) else look


def _put_blob(place: Place, work: Work, digest: str, content: bytes) -> None:
    temporary = work.folder / "manifest"
    temporary.write_bytes(content)
    os.replace(temporary, place.blob(digest))


def _run(command: Command, source: Source) -> bytes:
    try:
        return run(command).stdout
    except Failed as failed:
        raise _explain(source, failed) from failed


def _explain(source: Source, failed: Failed) -> Problem:
    image, where = f"image {source.reference}", source.kind.value
    match skopeo.read_complaint(failed):
        case Complaint.ABSENT:
            return NotFound(f"{image} does not exist in {where}")
        case Complaint.UNAUTHORIZED:
            return NotFound(
                f"{image} does not exist in {where}, or it is private and this host has not logged in",
                hint="skopeo login REGISTRY on this host",
            )
        case Complaint.UNREACHABLE:
            return Unreachable(
                f"{image} could not be fetched: {where} did not answer",
                hint="without a registry: --image docker-archive:/path/image.tar, or a Dockerfile",
            )
        case Complaint.CORRUPT:
            return Invalid(f"{image} is damaged or cut short", hint="write or copy it again", field="config.image")
        case Complaint.NOT_AN_IMAGE:
            return Invalid(f"{image} is not a container image", field="config.image")
        case Complaint.OTHER_PLATFORM:
            here = manifest.architecture()
            return Invalid(f"{image} has no variant for this host, linux/{here}", field="config.image")
        case Complaint.NO_SPACE:
            return NoCapacity(f"no space left on this host to fetch {image}")
        case _:
            return Invalid(f"{image} could not be read: {failed.message}", field="config.image")
