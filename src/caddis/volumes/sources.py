"""Another host's pool, looked at without a single write to it, and what is in it by its own records."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caddis.domain.errors import Conflict, Damaged, Invalid, NotFound, Problem, WrongVolume
from caddis.domain.ids import SNAPSHOT_ID, VOLUME_ID, filesystem_label, filesystem_uuid
from caddis.domain.sizes import gb_to_bytes
from caddis.domain.snapshot import Origin, Snapshot, origin_of
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume
from caddis.kernel import filesystem, loop, mount, xfs
from caddis.volumes.encryption import LUKS_HEADER
from caddis.volumes.file_pool import FilePool
from caddis.volumes.keys import WrappingKey, open_wrapping_key
from caddis.volumes.opening import LABEL, MARKER
from caddis.volumes.record import read_record, read_snapshot_record

_READ_ONLY = 1  # MS_RDONLY
_FLAGS = _READ_ONLY | mount.NODEV | mount.NOSUID | mount.NOEXEC
_PATIENCE = 5.0  # seconds
_LUKS_MAGIC = b"LUKS\xba\xbe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A volume or snapshot that the pool holds, or why it cannot be taken over."""

    id: str
    thing: Volume | Snapshot | None = None
    problem: Problem | None = None


@contextmanager
def opened_source(where: Path, run: Path) -> Iterator[Path]:
    """The folder of the pool on the block device, in the image file or in the folder `where`; nothing is written to it.

    Conflict while somebody uses it, Invalid when there is no pool in it.
    """
    try:
        kind = os.stat(where).st_mode
    except FileNotFoundError:
        raise NotFound(f"there is no {where} to adopt from") from None
    if stat.S_ISDIR(kind):
        yield find_root(where)
        return
    close_source(run)
    target = run / "adopt"
    _mount_read_only(where, target, is_device=stat.S_ISBLK(kind))
    try:
        yield find_root(target)
    finally:
        close_source(run)


def close_source(run: Path) -> None:
    """Ensure that no pool is mounted there to adopt from: also after an adoption that was killed."""
    target = run / "adopt"
    if not mount.unmount(target, patience=_PATIENCE):
        raise Conflict(f"the pool mounted on {target} is still in use", hint=f"umount {target}")
    if target.exists():
        target.rmdir()


def find_root(folder: Path) -> Path:
    """Where the pool's marker is: in the folder, or below it as `--pool FOLDER` makes it."""
    roots = [path.parent for path in (*folder.glob(MARKER), *sorted(folder.glob(f"caddis/*/{MARKER}")))]
    if not roots:
        raise Invalid(f"{folder} holds no Caddis pool: there is no {MARKER} in it")
    if len(roots) > 1:
        raise Invalid(f"{folder} holds several pools: name one of {', '.join(map(str, roots))}")
    return roots[0]


def _mount_read_only(where: Path, target: Path, *, is_device: bool) -> None:
    """Through a loop device that was opened for reading: even the kernel cannot replay a journal over it."""
    try:
        fd = os.open(where, os.O_RDONLY | os.O_CLOEXEC | (os.O_EXCL if is_device else 0))
    except OSError as refused:
        if refused.errno == errno.EBUSY:
            raise Conflict(f"{where} is in use", hint=f"findmnt {where}; or adopt from where it is mounted") from None
        raise
    try:
        identity = xfs.read_identity(fd)
        if identity is None or identity.label != LABEL:
            raise Invalid(f"{where} holds no Caddis pool")
        if not is_device and not loop.lock(fd):
            raise Conflict(f"{where} is in use", hint="end the Caddis that uses it: caddis down")
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with loop.attached(fd, autoclear=True) as device:
            mount.mount(device, target, "xfs", flags=_FLAGS, options="nouuid")
    except OSError as refused:
        if refused.errno in (errno.EROFS, errno.EUCLEAN, errno.EINVAL):
            raise Conflict(
                f"the file system of the pool {where} was not unmounted cleanly, and nothing is written to it here",
                hint=f"mount and unmount it once, which replays its journal: mount {where} /mnt && umount /mnt",
            ) from None
        raise
    finally:
        os.close(fd)


def source_keys(wrapping_key: str | None, own: WrappingKey) -> WrappingKey:
    """What opens the keys there: the key in that file, else this host's own."""
    if wrapping_key is None:
        return own
    if not Path(wrapping_key).is_file():
        raise NotFound(f"there is no wrapping key {wrapping_key}")
    return open_wrapping_key(Path(wrapping_key), may_create=False)


def unwrap_origin(origin: Origin, keys: WrappingKey) -> None:
    """Damaged, in words for someone who gave a key, unless these keys open it."""
    if origin.encryption is EncryptionKind.NONE:
        return
    if origin.wrapped_key is None:
        raise Damaged(f"its record says that volume {origin.volume_id} is encrypted, but holds no key")
    try:
        keys.unwrap(origin.wrapped_key, origin.volume_id)
    except Damaged:
        raise Damaged(
            f"the key of volume {origin.volume_id} does not open with the wrapping key that was given",
            hint="give that of the host it was on: --wrapping-key FILE (hosts/h1/wrapping.key in its data folder)",
        ) from None


def inspect(root: Path, keys: WrappingKey) -> Iterator[Finding]:
    """Everything that the pool holds, volumes first, each in order of id; what is wrong with one hides no other."""
    pool = FilePool(root, fixed_capacity=0, mount_point=None)
    for kind, pattern in (("volumes", VOLUME_ID), ("snapshots", SNAPSHOT_ID)):
        ids = {path.name.partition(".")[0] for path in (root / kind).glob("[!.]*") if not path.name.endswith(".new")}
        for id in sorted(ids):
            try:
                if not pattern.match(id):
                    raise Invalid(f"{id} is no name that Caddis gives")
                yield Finding(id=id, thing=_check(pool, f"{kind}/{id}", keys))
            except Problem as problem:
                yield Finding(id=id, problem=problem)


def image_path(source: Path, kind: str, id: str) -> Path:
    """Of a thing in another pool."""
    return source / kind / f"{id}.img"


def _check(pool: FilePool, name: str, keys: WrappingKey) -> Volume | Snapshot:
    kind, id = name.split("/")
    thing = read_record(pool, id) if kind == "volumes" else read_snapshot_record(pool, id)
    origin = origin_of(thing) if isinstance(thing, Volume) else thing.origin
    image = image_path(pool.root, kind, id)
    try:
        fd = os.open(image, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Damaged(f"its image {image} is missing") from None
    try:
        _check_image(fd, image, origin)
    finally:
        os.close(fd)
    if origin.encryption is EncryptionKind.LUKS:
        _check_header(pool.sidecar(name, LUKS_HEADER))
    unwrap_origin(origin, keys)
    return thing


def _check_image(fd: int, image: Path, origin: Origin) -> None:
    size, wanted = os.fstat(fd).st_size, gb_to_bytes(origin.size_gb)
    if size != wanted:
        raise Damaged(f"its image {image} has {size} bytes, and its record says {wanted}")
    if origin.fstype is not FileSystemKind.EXT4 or origin.encryption is EncryptionKind.LUKS:
        return  # nothing of an identity can be seen from outside: it is checked before every mount
    found = filesystem.read_ext4_identity(fd)
    if found != filesystem.Ext4Identity(filesystem_uuid(origin.volume_id), filesystem_label(origin.volume_id)):
        raise WrongVolume(f"its image {image} does not carry the identity of volume {origin.volume_id}: {found}")


def _check_header(header: Path) -> None:
    try:
        magic = header.read_bytes()[: len(_LUKS_MAGIC)]
    except FileNotFoundError:
        raise Damaged(f"its LUKS header {header} is missing") from None
    if magic != _LUKS_MAGIC:
        raise Damaged(f"its LUKS header {header} is damaged")
