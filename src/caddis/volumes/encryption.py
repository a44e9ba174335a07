"""The kinds of encryption behind one protocol, and the choice between them.

`none` keeps bytes as they are. `fscrypt` encrypts the folder that the machine sees, inside ext4. `luks` encrypts the
whole device below the file system, so it also serves raw volumes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from caddis.domain.errors import Conflict, Damaged, Invalid, Missing
from caddis.domain.ids import filesystem_uuid
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume
from caddis.kernel import filesystem, fscrypt, libc, luks, mount
from caddis.kernel.command import Failed, run
from caddis.kernel.durable import sync_folder
from caddis.volumes.keys import Key
from caddis.volumes.place import Place, volume_slice

LUKS_HEADER = ".luks"


class Encryption(Protocol):
    """What a kind does at each point of one volume's life."""

    features: tuple[str, ...]  # of ext4, that the kind needs

    def initialise(self, device: str) -> None:
        """Before there is a file system: make the device fit. Destroys what is on it."""

    def open_device(self, device: str) -> str:
        """Ensure that the device for the file system, or for the machine of a raw volume, is there; its path."""

    def extend_device(self) -> None:
        """Have an open device take over the size of what is below it."""

    def protect(self, root: Path) -> None:
        """Once, when the empty folder `root` has just been made."""

    def unlock(self, root: Path) -> None:
        """Ensure that `root` can be read; Damaged when the key is not the one that it was made with."""


class NoEncryption:
    """Bytes as they are."""

    features: tuple[str, ...] = ()

    def __init__(self, volume_id: str) -> None:
        self._id = volume_id

    def initialise(self, device: str) -> None:
        """Nothing to do."""

    def open_device(self, device: str) -> str:
        """The device itself."""
        return device

    def extend_device(self) -> None:
        """Nothing to do."""

    def protect(self, root: Path) -> None:
        """Nothing to do."""

    def unlock(self, root: Path) -> None:
        """A folder with a policy would have been made by another kind."""
        if fscrypt.find_policy(root) is not None:
            raise Damaged(f"volume {self._id} is encrypted, but its record says that it is not")


class FscryptEncryption:
    """A folder encrypted by ext4. The key is in the mounted file system only, and dies with the mount."""

    features: tuple[str, ...] = ("encrypt",)

    def __init__(self, volume_id: str, key: Key) -> None:
        self._id = volume_id
        self._key = key

    def initialise(self, device: str) -> None:
        """Nothing to do."""

    def open_device(self, device: str) -> str:
        """The device itself: its free space and its file system's own book-keeping are not secret."""
        return device

    def extend_device(self) -> None:
        """Nothing to do."""

    def protect(self, root: Path) -> None:
        """Set the policy on the empty folder."""
        fscrypt.set_policy(root, fscrypt.add_key(root, self._key.reveal))

    def unlock(self, root: Path) -> None:
        """Add the key, which says of itself by its identifier whether it is the right one."""
        policy = fscrypt.find_policy(root)
        if policy is None:
            raise Damaged(f"volume {self._id} should be encrypted, but its folder is not")
        if fscrypt.add_key(root, self._key.reveal) != policy:
            raise Damaged(f"the key of volume {self._id} is not the one that it was encrypted with")


class LuksEncryption:
    """dm-crypt below the file system, with the header in a file beside the image."""

    features: tuple[str, ...] = ()

    def __init__(self, volume_id: str, key: Key, header: Path) -> None:
        self._id = volume_id
        self._key = key
        self._header = header

    def initialise(self, device: str) -> None:
        """Write a new header, on disk."""
        self._header.unlink(missing_ok=True)
        fd = os.open(self._header, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            libc.fallocate(fd, 0, 0, luks.HEADER_BYTES)
            run(luks.format_luks(device, self._header, uuid=filesystem_uuid(self._id), key=self._key.reveal))
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_folder(self._header.parent)

    def open_device(self, device: str) -> str:
        """Ensure /dev/mapper/caddis-vol_…"""
        path = luks.path_of(mapper_name(self._id))
        if path.exists():
            return str(path)
        if not self._header.exists():
            raise Damaged(f"the LUKS header {self._header} of volume {self._id} is missing")
        try:
            run(luks.open_luks(device, self._header, path.name, key=self._key.reveal))
        except Failed as failed:
            if luks.says_wrong_key(failed):
                raise Damaged(f"the key of volume {self._id} is not the one that it was encrypted with") from None
            raise
        return str(path)

    def extend_device(self) -> None:
        """The mapping keeps the size that it was made with until it is told."""
        run(luks.extend_luks(self._header, mapper_name(self._id), key=self._key.reveal))

    def protect(self, root: Path) -> None:
        """Nothing to do: everything on the device is encrypted."""

    def unlock(self, root: Path) -> None:
        """Nothing to do: the device could not have been opened otherwise."""


def encryption_of(place: Place, volume: Volume) -> Encryption:
    """The volume's kind, with its key unwrapped; Damaged when the record's key does not open."""
    if not volume.encrypted:
        return NoEncryption(volume.id)
    if volume.wrapped_key is None:
        raise Damaged(f"volume {volume.id} is encrypted, but its record holds no key")
    key = place.keys.unwrap(volume.wrapped_key, volume.id)
    if volume.encryption is EncryptionKind.LUKS:
        return LuksEncryption(volume.id, key, place.pool.sidecar(volume_slice(volume.id), LUKS_HEADER))
    return FscryptEncryption(volume.id, key)


def choose_encryption(encrypted: bool, fstype: FileSystemKind, *, has_luks: bool, has_fscrypt: bool) -> EncryptionKind:
    """The kind for a new volume on a host that has these; pure.

    Missing, or Invalid for a raw volume, when it has none for what is asked.
    """
    if not encrypted:
        return EncryptionKind.NONE
    if has_luks:
        return EncryptionKind.LUKS
    if fstype is FileSystemKind.RAW:
        raise Invalid(
            "an encrypted raw volume needs device-mapper, which this host's kernel does not have",
            hint="add --no-encryption, or leave out --fs-type raw",
            field="fstype",
        )
    if has_fscrypt:
        return EncryptionKind.FSCRYPT
    raise Missing(
        "this host cannot encrypt volumes: its kernel has neither device-mapper (with cryptsetup) nor ext4 encryption",
        hint="create the volume with --no-encryption, or boot a kernel that has dm-crypt",
    )


def choose_for_this_host(encrypted: bool, fstype: FileSystemKind) -> EncryptionKind:
    """`choose_encryption` with what this host has."""
    return choose_encryption(
        encrypted, fstype, has_luks=luks.is_available(), has_fscrypt=filesystem.ext4_can("encryption")
    )


def ensure_mapping_closed(volume_id: str) -> None:
    """Ensure that no /dev/mapper device shows the volume; Conflict, naming who holds it, while one is in use."""
    name = mapper_name(volume_id)
    try:
        device = os.stat(luks.path_of(name)).st_rdev
    except FileNotFoundError:
        return
    try:
        run(luks.close_luks(name))
    except Failed as failed:
        if luks.says_busy(failed):
            raise Conflict(
                f"the device of volume {volume_id} is still in use{mount.by_holders(device)}",
                hint=f"lsof /dev/mapper/{name}",
            ) from None
        if not luks.says_inactive(failed):
            raise


def mapper_name(volume_id: str) -> str:
    """Below /dev/mapper."""
    return f"caddis-{volume_id}"
