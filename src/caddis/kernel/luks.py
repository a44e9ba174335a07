"""LUKS2 over dm-crypt, by cryptsetup. The header is a file of its own, so that the device keeps its exact size.

Keys go through stdin (`--key-file -`), never through argv.
"""

from __future__ import annotations

import os
from pathlib import Path

from caddis.kernel.command import Command, Failed, find_program

_MAPPER = Path("/dev/mapper")
_INACTIVE = 4  # cryptsetup's exit status for "no such device"
_METADATA_KIB, _KEYSLOTS_KIB = 16, 512
# Two copies of the metadata and the key slots. cryptsetup refuses a header file that is there and shorter.
HEADER_BYTES = (2 * _METADATA_KIB + _KEYSLOTS_KIB) << 10


def is_available() -> bool:
    """Whether this kernel has device-mapper and this host cryptsetup."""
    try:
        # libdevmapper makes the node wherever it looks for the kernel's part: only opening it tells.
        os.close(os.open(_MAPPER / "control", os.O_RDWR))
    except OSError:
        return False
    return find_program("cryptsetup") is not None


def format_luks(device: str, header: Path, *, uuid: str, key: bytes) -> Command:
    """Write a new header into a file of HEADER_BYTES.

    The key is already 512 random bits, so stretching it would only cost time at every start: hence pbkdf2 with the
    fewest rounds that cryptsetup takes. The small header areas hold one key slot and room for another.
    """
    return Command(
        argv=(
            *("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--uuid", uuid),
            *("--cipher", "aes-xts-plain64", "--key-size", "512", "--hash", "sha256"),
            *("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"),
            *("--luks2-metadata-size", f"{_METADATA_KIB}k", "--luks2-keyslots-size", f"{_KEYSLOTS_KIB}k"),
            *("--header", str(header), "--offset", "0", "--key-file", "-", device),
        ),
        stdin=key,
    )


def open_luks(device: str, header: Path, name: str, *, key: bytes) -> Command:
    """Make /dev/mapper/<name> the clear view of the device."""
    return Command(
        argv=(
            *("cryptsetup", "open", "--type", "luks2", "--header", str(header), "--key-file", "-"),
            *("--disable-keyring", device, name),
        ),
        stdin=key,
    )


def extend_luks(header: Path, name: str, *, key: bytes) -> Command:
    """Have /dev/mapper/<name> take over the size of its device, in use or not."""
    return Command(argv=("cryptsetup", "resize", "--header", str(header), "--key-file", "-", name), stdin=key)


def close_luks(name: str) -> Command:
    """Remove /dev/mapper/<name> and the key in the kernel with it."""
    return Command(argv=("cryptsetup", "close", name))


def path_of(name: str) -> Path:
    """Where an opened device appears."""
    return _MAPPER / name


def says_busy(failed: Failed) -> bool:
    """Whether `close` failed because someone still uses the device."""
    return "still in use" in failed.stderr or "busy" in failed.stderr.lower()


def says_wrong_key(failed: Failed) -> bool:
    """Whether `open` failed because no key slot takes this key."""
    return failed.exit == 2


def says_inactive(failed: Failed) -> bool:
    """Whether `close` failed because there is no such device."""
    return failed.exit == _INACTIVE
