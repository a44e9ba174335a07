"""Names of things. Randomness comes in as bytes: this room has none of its own."""

from __future__ import annotations

import re
import uuid

from caddis.domain.errors import Invalid

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CADDIS_NAMESPACE = uuid.UUID("6f0c2f7e-5d0b-5c7e-9b64-0cadd15cadd1")

VOLUME_ID = re.compile(r"vol_[0-9a-z]{16}\Z")
SNAPSHOT_ID = re.compile(r"vs_[0-9a-z]{16}\Z")
MACHINE_ID = re.compile(r"[0-9a-f]{14}\Z")
_APP_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_VOLUME_NAME = re.compile(r"[a-z0-9_]{1,30}\Z")

ENTROPY_BYTES = 16  # what every maker below asks for


def _base36(entropy: bytes) -> str:
    number = int.from_bytes(entropy[:ENTROPY_BYTES], "big")
    digits = []
    for _ in range(16):
        number, digit = divmod(number, 36)
        digits.append(_BASE36[digit])
    return "".join(digits)


def volume_id(entropy: bytes) -> str:
    """`vol_` and 16 lowercase alphanumerics (facts: machines-api 5.1), from 16 random bytes."""
    return "vol_" + _base36(entropy)


def snapshot_id(entropy: bytes) -> str:
    """`vs_` and 16 lowercase alphanumerics, from 16 random bytes."""
    return "vs_" + _base36(entropy)


def machine_id(entropy: bytes) -> str:
    """14 hex digits, from 16 random bytes."""
    return entropy[:7].hex()


def ulid(milliseconds: int, entropy: bytes) -> str:
    """A ULID (26 Crockford characters, sorts by time) from Unix milliseconds and 16 random bytes."""
    number = (milliseconds << 80) | int.from_bytes(entropy[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def filesystem_uuid(of_volume: str) -> str:
    """The file system UUID that a volume must carry inside (promise P2): derived, so that it needs no record."""
    return str(uuid.uuid5(_CADDIS_NAMESPACE, of_volume))


def filesystem_label(of_volume: str) -> str:
    """The file system label that a volume must carry: its id without the prefix, exactly ext4's 16 bytes."""
    return of_volume.removeprefix("vol_")


def check_app_name(name: str) -> str:
    """The name itself; Invalid unless it is 1 to 63 lowercase letters, digits and dashes, no dash at an end."""
    if not _APP_NAME.match(name):
        raise Invalid(
            f"app name {name!r} is not valid: use 1 to 63 lowercase letters, numbers and dashes,"
            " not starting or ending with a dash",
            hint="fly apps create my-app",
            field="name",
        )
    return name


def missing_app_hint(name: str) -> str:
    """What to do about an app that is not there: to create it is no help with a name that none can have."""
    create = f"fly apps create {name}, or fly launch; " if _APP_NAME.match(name) else ""
    return f"{create}fly apps list shows what there is"


def check_volume_name(name: str) -> str:
    """The name itself; Invalid unless it is 1 to 30 lowercase letters, digits and underscores."""
    if not _VOLUME_NAME.match(name):
        raise Invalid(
            f"volume name {name!r} is not valid: use 1 to 30 lowercase letters, numbers and underscores",
            hint="fly volumes create my_data",
            field="name",
        )
    return name
