"""The catalog key: what opens the secrets in the catalog. A catalog without it tells names and times, and no value.

32 random bytes in a file of mode 0600 beside the catalog. By HKDF-SHA256 come two keys: one closes values
(AES-256-GCM, bound to app and name), one makes digests (HMAC-SHA256), so that nobody can try out values without it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from caddis.catalog.schema import app_secrets, catalog_key
from caddis.domain.errors import Damaged
from caddis.kernel.secret import open_secret

KEY_FILE = "catalog.key"
_SECRET_BYTES = 32
_NONCE_BYTES = 12
_DIGEST_DIGITS = 16


class CatalogKey:
    """Closes and opens values. It never shows: not in a log, an error or a debugger's repr."""

    __slots__ = ("_cipher", "_digests", "check_value")

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(_derive(secret, "values"))
        self._digests = _derive(secret, "digests")
        self.check_value = _derive(secret, "check").hex()  # public: tells whether two keys are the same one

    def __repr__(self) -> str:
        return "CatalogKey(***)"

    def seal(self, app_id: int, name: str, value: str) -> bytes:
        """The value as it is kept, bound to app and name."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value.encode(), _bound(app_id, name))

    def open(self, app_id: int, name: str, sealed: bytes) -> str:
        """The value; Damaged when it was not sealed with this key for this app and name."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(app_id, name)).decode()
        except (InvalidTag, ValueError):
            raise Damaged(
                f"the secret {name} does not open with this installation's catalog key",
                hint=f"set it again: fly secrets set {name}=…",
            ) from None

    def digest(self, app_id: int, name: str, value: str) -> str:
        """16 hex digits that change with the value and say nothing of it to whoever has not the key."""
        made = hmac.new(self._digests, _bound(app_id, name) + b"\0" + value.encode(), hashlib.sha256)
        return made.hexdigest()[:_DIGEST_DIGITS]


class Vault:
    """Where the key lies. It is opened at its first use, and checked against what the catalog says of it.

    Several API processes share one catalog, and must share the key: the catalog keeps a check value of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: CatalogKey | None = None

    def ensure(self, connection: sa.Connection) -> CatalogKey:
        """The key, in a transaction that writes; made if nothing was sealed yet. Damaged when it is not the right one.

        Where no secret is left that it opened, another key may take the place of a lost one.
        """
        if self._key is not None:
            return self._key
        is_needed = connection.execute(sa.select(app_secrets.c.name).limit(1)).first() is not None
        key = self._read(may_create=not is_needed)
        if _find_check_value(connection) == key.check_value:
            self._key = key
        else:  # not kept here: this transaction may come to nothing, and the check value with it
            self._refuse(is_needed)
            connection.execute(sa.delete(catalog_key))
            connection.execute(sa.insert(catalog_key).values(id=1, check_value=key.check_value))
        return key

    def get(self, connection: sa.Connection) -> CatalogKey:
        """The key, for reading what is sealed."""
        if self._key is None:
            key = self._read(may_create=False)
            self._refuse(_find_check_value(connection) != key.check_value)
            self._key = key
        return self._key

    def _read(self, *, may_create: bool) -> CatalogKey:
        needed = "the catalog holds secrets that only it opens"
        return CatalogKey(open_secret(self._path, size=_SECRET_BYTES, may_create=may_create, needed=needed))

    def _refuse(self, is_wrong: bool) -> None:
        if is_wrong:
            raise Damaged(
                f"the catalog's secrets were sealed with another key than {self._path}",
                hint="put the right file back from where you keep a copy; if it is lost, unset all secrets and set them"
                " again: fly secrets unset NAME",
            )


def _find_check_value(connection: sa.Connection) -> str | None:
    return connection.execute(sa.select(catalog_key.c.check_value)).scalar_one_or_none()


def _bound(app_id: int, name: str) -> bytes:
    return f"caddis secret 1: {app_id}/{name}".encode()


def _derive(secret: bytes, purpose: str) -> bytes:
    info = f"caddis catalog key 1: {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
