"""Bodies: bytes to documents and back."""

from __future__ import annotations

from typing import Any

import msgspec

from caddis.domain.errors import Refused


def document_from_body(body: bytes) -> Any:
    """The JSON document of a request; an empty body is an empty object. Refused (400) when it is not JSON."""
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"the request body is not JSON: {error}") from None


def document_to_body(document: object) -> bytes:
    """The document as compact JSON."""
    return msgspec.json.encode(document)
