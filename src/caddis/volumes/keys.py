"""Keys. Each volume has one of its own; the host's wrapping key keeps them closed at rest (promise P10).

A wrapped key is bound to its volume's id: moved to another volume's record, it does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from caddis.domain.errors import Damaged
from caddis.kernel.secret import open_secret

KEY_BYTES = 64  # AES-256-XTS takes two keys of 32
_WRAPPING_BYTES = 32
_NONCE_BYTES = 12
_PURPOSE = "caddis volume key 1: "


class Key:
    """The secret itself. It never shows: not in a log, an error or a debugger's repr."""

    __slots__ = ("reveal",)

    def __init__(self, secret: bytes) -> None:
        self.reveal = secret

    def __repr__(self) -> str:
        return "Key(***)"


class WrappingKey:
    """Opens and closes volume keys; AES-256-GCM with the volume's id as associated data."""

    __slots__ = ("_cipher",)

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def __repr__(self) -> str:
        return "WrappingKey(***)"

    def make(self, volume_id: str) -> str:
        """A new random key for this volume, wrapped, as base64."""
        return self.wrap(Key(secrets.token_bytes(KEY_BYTES)), volume_id)

    def wrap(self, key: Key, volume_id: str) -> str:
        """The key, closed and bound to the volume, as base64."""
        nonce = os.urandom(_NONCE_BYTES)
        closed = self._cipher.encrypt(nonce, key.reveal, (_PURPOSE + volume_id).encode())
        return base64.b64encode(nonce + closed).decode()

    def rewrap(self, wrapped: str, volume_id: str, other_id: str) -> str:
        """The same key bound to another volume: a copy opens with its origin's."""
        return self.wrap(self.unwrap(wrapped, volume_id), other_id)

    def unwrap(self, wrapped: str, volume_id: str) -> Key:
        """The key; Damaged when it was not wrapped by this host for this volume."""
        try:
            raw = base64.b64decode(wrapped, validate=True)
            secret = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], (_PURPOSE + volume_id).encode())
        except (InvalidTag, ValueError, binascii.Error):
            raise Damaged(
                f"the key of volume {volume_id} does not open with this host's wrapping key",
                hint="put back the wrapping.key of the host on which the volume was created",
            ) from None  # the cause could carry bytes of it
        return Key(secret)


def open_wrapping_key(path: Path, *, may_create: bool) -> WrappingKey:
    """The host's wrapping key (32 bytes, mode 0600), made once if there is none and `may_create`.

    Damaged when it is not what it should be, or missing while volumes need it: a new one would open none of them.
    """
    needed = "this host's pool holds volumes that only it opens"
    secret = open_secret(path, size=_WRAPPING_BYTES, may_create=may_create, needed=needed)
    return WrappingKey(secret)
