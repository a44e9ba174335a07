"""Tokens for the registry of `caddis up --registry`: short, signed, and about single repositories.

The registry trusts DATA/registry/token.pem, and asks its clients to fetch a token here with the installation's own
tokens as passwords, so that neither keeps a list of users (the distribution project's token authentication).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from caddis.domain.errors import Missing
from caddis.wire.registry import SERVICE, Scope, access_to_wire

LIFETIME = timedelta(minutes=15)  # a push of several layers has to fit in
_SLACK = timedelta(minutes=1)  # of clocks


def sign_token(folder: Path, granted: list[Scope], *, subject: str, id: str, now: datetime) -> str:
    """A JSON web token; Missing where this installation has no registry."""
    try:
        key, certificate = (folder / "token.key").read_bytes(), (folder / "token.pem").read_bytes()
    except FileNotFoundError:
        raise Missing("this installation has no registry", hint="caddis up --registry 127.0.0.1:5000") from None
    claims = {
        "iss": SERVICE,
        "aud": SERVICE,
        "sub": subject,
        "jti": id,
        "iat": int(now.timestamp()),
        "nbf": int((now - _SLACK).timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "access": access_to_wire(granted),
    }
    return _signed(claims, key, certificate)


def _signed(claims: Mapping[str, Any], key_pem: bytes, certificate_pem: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    certificate = x509.load_pem_x509_certificate(certificate_pem).public_bytes(serialization.Encoding.DER)
    header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(certificate).decode()]}
    text = b".".join(_encoded(msgspec.json.encode(part)) for part in (header, claims))
    key = serialization.load_pem_private_key(key_pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return (text + b"." + _encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))).decode()


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
