"""A machine's secrets at rest: the host keeps them with the machine, so that it starts without the API (promise P11).

Closed with AES-256-GCM under a key that derives from the host's wrapping key, bound to the machine's id.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from caddis.domain.errors import Damaged
from caddis.domain.secret import MachineSecrets
from caddis.kernel.secret import open_secret

_KEY_BYTES = 32
_NONCE_BYTES = 12
_PURPOSE = b"caddis machine secrets 1"


class Seal:
    """Closes and opens. It never shows: not in a log, an error or a debugger's repr."""

    __slots__ = ("_cipher",)

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret))

    def __repr__(self) -> str:
        return "Seal(***)"

    def seal(self, secrets: MachineSecrets, machine_id: str) -> str:
        """What the machine gets, closed, as base64; "" when that is nothing."""
        if not secrets.env and not secrets.files:
            return ""
        nonce = os.urandom(_NONCE_BYTES)
        closed = self._cipher.encrypt(nonce, msgspec.json.encode(secrets), machine_id.encode())
        return base64.b64encode(nonce + closed).decode()

    def open(self, sealed: str, machine_id: str) -> MachineSecrets:
        """What `seal` closed for that machine; Damaged otherwise."""
        if not sealed:
            return MachineSecrets(version=0)
        try:
            raw = base64.b64decode(sealed, validate=True)
            plain = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], machine_id.encode())
        except (InvalidTag, ValueError, binascii.Error):
            raise Damaged(
                f"the secrets of machine {machine_id} do not open with this host's wrapping key",
                hint="give it the app's secrets anew: fly secrets deploy",
            ) from None  # the cause could carry bytes of it
        return msgspec.json.decode(plain, type=MachineSecrets)


def open_seal(wrapping_key: Path) -> Seal:
    """With the host's wrapping key, which is there once its pool has been opened."""
    needed = "this host's machines keep their secrets with it"
    return Seal(open_secret(wrapping_key, size=_KEY_BYTES, may_create=False, needed=needed))
