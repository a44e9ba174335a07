"""Manifests: what a kept snapshot consists of. A snapshot is kept once its manifest is in the store.

Stored sealed, as JSON: {"format": 1, "checksum": BLAKE3 of the bytes of `manifest`, "manifest": {…}}.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from blake3 import blake3

from caddis.backups.keys import StoreKey
from caddis.domain.errors import Damaged, Invalid
from caddis.domain.ids import SNAPSHOT_ID, VOLUME_ID

FORMAT = 1
SNAPSHOTS = "snapshots"
CHUNKS = "chunks"


class SnapshotFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of a snapshot to make a volume from it anywhere. Sizes in GB of 2**30 bytes, times in UTC.

    `wrapped_key` is the volume's key, closed with StoreKey.wrap_key for this snapshot; None when it has none.
    """

    id: str
    volume_id: str
    app: str
    volume_name: str
    region: str
    zone: str
    size_gb: int
    fstype: str
    encryption: str
    created_at: datetime
    retention_days: int
    expires_at: datetime | None
    host: str
    wrapped_key: str | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a snapshot: `size` bytes, cut into chunks of `chunk_size`, named by hash; None is all zeros."""

    size: int
    chunk_size: int
    chunks: tuple[str | None, ...]

    def __post_init__(self) -> None:
        if self.chunk_size <= 0 or len(self.chunks) != -(-self.size // self.chunk_size):
            raise ValueError(f"{self.size} bytes are not {len(self.chunks)} chunks of {self.chunk_size}")

    def length(self, index: int) -> int:
        """Bytes of the chunk with that index: the last may be shorter."""
        return min(self.chunk_size, self.size - index * self.chunk_size)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A kept snapshot. `stored_bytes` is what its chunks that its base had not take in the store."""

    about: SnapshotFacts
    parts: dict[str, Part]
    stored_bytes: int

    def chunk_names(self) -> set[str]:
        """Of all parts, each once."""
        return {name for part in self.parts.values() for name in part.chunks if name is not None}


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    checksum: str
    manifest: msgspec.Raw


def manifest_name(volume_id: str, snapshot_id: str) -> str:
    """The name of the object; Invalid unless both are ids."""
    if not VOLUME_ID.match(volume_id):
        raise Invalid(f"{volume_id!r} is not the id of a volume")
    if not SNAPSHOT_ID.match(snapshot_id):
        raise Invalid(f"{snapshot_id!r} is not the id of a snapshot")
    return f"{SNAPSHOTS}/{volume_id}/{snapshot_id}"


def chunk_object(name: str) -> str:
    """The name of the object that holds a chunk: 256 folders, which file systems are glad of."""
    return f"{CHUNKS}/{name[:2]}/{name}"


def encode_manifest(manifest: Manifest, keys: StoreKey) -> bytes:
    """As it is stored."""
    inner = msgspec.json.encode(manifest)
    envelope = _Envelope(format=FORMAT, checksum=blake3(inner).hexdigest(), manifest=msgspec.Raw(inner))
    return keys.seal_manifest(_name_of(manifest), msgspec.json.encode(envelope))


def decode_manifest(name: str, sealed: bytes, keys: StoreKey) -> Manifest:
    """What `encode_manifest` made for the object of that name; Damaged, naming it, when it cannot be trusted."""
    try:
        envelope = msgspec.json.decode(keys.open_manifest(name, sealed), type=_Envelope)
        if envelope.format != FORMAT:
            raise Damaged(f"its format is {envelope.format}, this program reads {FORMAT}")
        if blake3(bytes(envelope.manifest)).hexdigest() != envelope.checksum:
            raise Damaged("its checksum does not match")
        manifest = msgspec.json.decode(envelope.manifest, type=Manifest)
        if _name_of(manifest) != name:
            raise Damaged(f"it is the manifest of {_name_of(manifest)}")
    except (Damaged, msgspec.DecodeError, Invalid) as why:
        raise Damaged(f"the manifest {name} of a kept snapshot is damaged: {why}") from None
    return manifest


def _name_of(manifest: Manifest) -> str:
    return manifest_name(manifest.about.volume_id, manifest.about.id)
