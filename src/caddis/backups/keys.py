"""The store key: what an installation needs to read its kept snapshots again. Everything else is derived from it.

By HKDF-SHA256 come four keys: one names chunks (a keyed hash, so that a store cannot test for known content), one
closes chunks, one closes manifests, one wraps the volumes' keys. All ciphers are AES-256-GCM with random nonces.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from backports import zstd
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from caddis.domain.errors import Damaged
from caddis.kernel.secret import open_secret

_SECRET_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SEALED_FORMAT = b"\x01"  # this byte, nonce, AEAD of the zstd frame
_LEVEL = 3  # zstd: 2 GB/s on text, and it passes over random bytes at 4 GB/s
_WRAPPING = "caddis kept volume key 1: "


class StoreKey:
    """Names, seals and opens what leaves the host. It never shows: not in a log, an error or a debugger's repr."""

    __slots__ = ("_chunks", "_manifests", "_naming", "_wrapping", "check_value")

    def __init__(self, secret: bytes) -> None:
        self._naming = _derive(secret, "chunk names")
        self._chunks = AESGCM(_derive(secret, "chunks"))
        self._manifests = AESGCM(_derive(secret, "manifests"))
        self._wrapping = AESGCM(_derive(secret, "volume keys"))
        self.check_value = _derive(secret, "check").hex()  # public: tells whether two keys are the same one

    def __repr__(self) -> str:
        return "StoreKey(***)"

    def name_chunk(self, plain: bytes) -> str:
        """64 hex digits: the keyed BLAKE3 hash of a chunk's content."""
        return blake3(plain, key=self._naming).hexdigest()

    def seal_chunk(self, name: str, plain: bytes) -> bytes:
        """The chunk as it is stored, bound to its name."""
        return _seal(self._chunks, name, plain)

    def open_chunk(self, name: str, sealed: bytes) -> bytes:
        """The content, checked against its name. Damaged when it is anything else than was stored under it."""
        plain = _open(self._chunks, name, sealed)
        if self.name_chunk(plain) != name:
            raise Damaged("it holds other content than its name says")
        return plain

    def seal_manifest(self, name: str, plain: bytes) -> bytes:
        """The manifest as it is stored, bound to its object's name."""
        return _seal(self._manifests, name, plain)

    def open_manifest(self, name: str, sealed: bytes) -> bytes:
        """What `seal_manifest` closed; Damaged otherwise."""
        return _open(self._manifests, name, sealed)

    def wrap_key(self, secret: bytes, snapshot_id: str) -> str:
        """A volume's key, closed and bound to the snapshot, as base64."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + self._wrapping.encrypt(nonce, secret, _wrapping_for(snapshot_id))).decode()

    def unwrap_key(self, wrapped: str, snapshot_id: str) -> bytes:
        """The volume's key; Damaged when it was not wrapped with this store key for this snapshot."""
        try:
            raw = base64.b64decode(wrapped, validate=True)
            return self._wrapping.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _wrapping_for(snapshot_id))
        except (InvalidTag, ValueError, binascii.Error):
            raise Damaged(f"the key in snapshot {snapshot_id} does not open with this store key") from None


def open_store_key(path: Path, *, may_create: bool) -> StoreKey:
    """The installation's store key (32 bytes, mode 0600), made once if there is none and `may_create`.

    Damaged when it is not what it should be, or missing while snapshots need it: a new one would open none of them.
    """
    needed = "the store holds snapshots that only it opens"
    return StoreKey(open_secret(path, size=_SECRET_BYTES, may_create=may_create, needed=needed))


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"caddis store key 1: {purpose}".encode()).derive(secret)


def _wrapping_for(snapshot_id: str) -> bytes:
    return (_WRAPPING + snapshot_id).encode()


def _seal(cipher: AESGCM, name: str, plain: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _SEALED_FORMAT + nonce + cipher.encrypt(nonce, zstd.compress(plain, _LEVEL), name.encode())


def _open(cipher: AESGCM, name: str, sealed: bytes) -> bytes:
    if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
        raise Damaged(f"it has only {len(sealed)} bytes")
    if sealed[:1] != _SEALED_FORMAT:
        raise Damaged(f"its format is {sealed[0]}, this program reads {_SEALED_FORMAT[0]}")
    nonce, closed = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return zstd.decompress(cipher.decrypt(nonce, closed, name.encode()))
    except (InvalidTag, zstd.ZstdError):
        raise Damaged("its bytes are not those that were stored, or they were stored with another key") from None
