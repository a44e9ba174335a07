"""Keeping the cache small: what no agent has need of, and nobody asked for lately, is deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caddis.images import manifest
from caddis.images.names import Names
from caddis.images.place import Place
from caddis.images.source import BASES, OUR_REGISTRY
from caddis.kernel.durable import write_whole
from caddis.telemetry.log import note

DAY = 86400.0  # seconds
BUILT_IMAGES_STAY = 7.0  # times as long: what was built here can be fetched from nowhere else


@dataclass(frozen=True, slots=True)
class Uses:
    """Which of the images one agent has need of. Empty files, so that a crash can lose none and garble none."""

    folder: Path

    def add(self, digest: str) -> None:
        """It was asked for just now."""
        path = self.folder / digest.removeprefix("sha256:")
        try:
            os.utime(path)
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.touch()

    def replace(self, digests: Iterable[str], *, before: float) -> None:
        """These are all that the agent has need of, and whatever it asked for since `before` (Unix time)."""
        for digest in digests:
            self.add(digest)
        wanted = {digest.removeprefix("sha256:") for digest in digests}
        for path in self.folder.glob("*"):
            if path.name not in wanted and path.stat().st_mtime < before:
                path.unlink()


def keep(place: Place, app: str, images: Sequence[Mapping[str, str]]) -> None:
    """These (`reference`, and `digest` where it is known) are what the app can be rolled back to; none: nothing is."""
    path = place.kept / f"{app}.json"
    if images:
        write_whole(path, json.dumps(list(images)).encode())
    else:
        path.unlink(missing_ok=True)


def _read_kept(place: Place, names: Names) -> set[str]:
    """Digests, without "sha256:"."""
    kept = set()
    for path in place.kept.glob("*.json"):
        for image in json.loads(path.read_bytes()):
            known = names.find(image["reference"]) if not image.get("digest") else None
            digest = image.get("digest") or (known.digest if known else "")
            kept.add(str(digest).removeprefix("sha256:"))
    return kept - {""}


def forget(place: Place, names: Names, *, before: float, built_before: float) -> None:
    """Delete what no agent uses and nobody asked for since `before` (for built images: `built_before`). Unix times.

    Base images stay: they were put there on purpose. Of images that an app can be rolled back to, the layers stay; they
    are unpacked anew when that happens. Does nothing while anybody fetches, unpacks or builds.
    """
    with place.alone() as alone:
        if not alone:
            return
        place.sweep()
        used = {path.name for path in place.uses.glob("*/*")}
        used |= {name.digest.removeprefix("sha256:") for _, name in names.entries() if name.reference.startswith(BASES)}
        for folder in place.rootfs.iterdir():
            if folder.name not in used:
                note("images.forgotten", digest=folder.name)
                place.discard(folder)
        used |= _read_kept(place, names)
        kept = set(used)
        for path, name in names.entries():
            limit = built_before if name.reference.startswith(OUR_REGISTRY) else before
            if name.digest.removeprefix("sha256:") in used or path.stat().st_mtime >= limit:
                kept.add(name.digest.removeprefix("sha256:"))
            else:
                path.unlink()
        _forget_blobs(place, kept)
        root = place.build / "root"
        if root.exists() and root.stat().st_mtime < before:
            for folder in place.build.iterdir():
                place.discard(folder)
        for lock in (*place.folder.glob("locks/fetch-*"), *place.folder.glob("locks/unpack-*")):
            lock.unlink()  # those who take them hold the lock that we hold alone


def _forget_blobs(place: Place, kept: set[str]) -> None:
    needed = set(_parts(place, kept))
    for blob in place.blobs.iterdir():
        if blob.name not in needed:
            blob.unlink()


def _parts(place: Place, digests: Iterable[str]) -> Iterator[str]:
    for digest in digests:
        yield digest
        try:
            parts = manifest.read_manifest(place.blob(digest).read_bytes()).parts
        except (FileNotFoundError, ValueError):
            continue
        yield from (part.removeprefix("sha256:") for part in parts)
