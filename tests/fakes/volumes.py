"""Volumes in memory: the crash matrix makes thousands over it. Answers to the contract of the real store.

It stands for kernel and disk, so it survives the death of the agent. Folders are paths that do not exist; what is "in"
them is read and written with `put_file` and `list_files`.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from caddis.domain.adoption import Adoption, adopted_snapshot, adopted_volume
from caddis.domain.errors import Conflict, Damaged, Invalid, NoCapacity, NotFound, Problem, WrongVolume
from caddis.domain.files import ExportFormat, FileInfo, Listing
from caddis.domain.ids import SNAPSHOT_ID, VOLUME_ID
from caddis.domain.sizes import GIB, gb_to_bytes
from caddis.domain.snapshot import Origin, Snapshot
from caddis.domain.volume import EncryptionKind, FileSystemKind, Usage, Volume
from caddis.kernel.zstd import compress, decompress, is_zstd
from caddis.volumes.encryption import choose_encryption

_BLOCK = 4096
_VIEW_NAME = re.compile(r"view-[0-9a-z]{16}\Z")
_SCRATCH_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


@dataclass
class _Image:
    size_gb: int
    identity: str | None = None  # the id of the volume that was formatted on it
    key: str | None = None  # that it was formatted with
    encrypted: bool = False
    files: dict[str, bytes] = field(default_factory=dict)


class FakeVolumes:
    """The `Volumes` protocol of agent/world.py."""

    def __init__(self, *, capacity_gb: int = 1000, has_luks: bool = False, has_fscrypt: bool = True) -> None:
        self._capacity_gb = capacity_gb
        self._has_luks, self._has_fscrypt = has_luks, has_fscrypt
        self._serial = itertools.count(1)
        self.images: dict[str, _Image] = {}
        self.records: dict[str, Volume] = {}
        self.mounted: dict[str, str] = {}  # volume id: path handed out
        self.snapshots: dict[str, _Image] = {}
        self.unfinished: dict[str, _Image] = {}
        self.views: dict[str, _Image] = {}
        self.snapshot_records: dict[str, Snapshot] = {}
        self.elsewhere: dict[str, FakeVolumes] = {}  # other hosts' pools, by folder
        self.scratches: dict[str, dict[str, bytes]] = {}  # name: files
        self.in_use: set[str] = set()  # ids and names that somebody holds: unmounting them is refused
        self.next_problem: dict[str, Problem] = {}  # verb: what its next call raises

    # What a test does

    def leftovers(self) -> list[str]:
        """Everything that is still there."""
        return [
            *(f"mounted {volume_id}" for volume_id in sorted(self.mounted)),
            *(f"scratch {name}" for name in sorted(self.scratches)),
            *(f"view {view}" for view in sorted(self.views)),
            *(f"image {volume_id} {image.size_gb} GB" for volume_id, image in sorted(self.images.items())),
            *(f"record {volume_id}" for volume_id in sorted(self.records)),
            *(f"unfinished {volume_id}" for volume_id in sorted(self.unfinished)),
            *(f"snapshot {snapshot_id}" for snapshot_id in sorted(self.snapshots)),
            *(f"record {snapshot_id}" for snapshot_id in sorted(self.snapshot_records)),
        ]

    def put_file(self, path: str, name: str, content: bytes) -> None:
        """Into a folder that `mount` or `mount_scratch` gave."""
        self._folder(path)[name] = content

    def list_files(self, path: str) -> list[str]:
        """Names in such a folder."""
        return sorted(self._folder(path))

    def swap_images(self, one: str, other: str) -> None:
        """As if somebody had exchanged the files of two volumes."""
        self.images[one], self.images[other] = self.images[other], self.images[one]

    def reboot(self) -> None:
        """Nothing is mounted any more; images and records are as they were."""
        self.mounted.clear()
        self.scratches.clear()
        self.views.clear()
        self.in_use.clear()

    # The protocol

    def capacity_bytes(self) -> int:
        """What the test chose."""
        return self._capacity_gb * GIB

    def choose_encryption(self, encrypted: bool, fstype: FileSystemKind) -> EncryptionKind:
        """By the real rule."""
        return choose_encryption(encrypted, fstype, has_luks=self._has_luks, has_fscrypt=self._has_fscrypt)

    def make_key(self, volume_id: str) -> str:
        """Another one each time, bound to the volume."""
        return f"{_checked(volume_id)}:{next(self._serial)}"

    def allocate(self, volume_id: str, size_gb: int) -> None:
        """An image without anything on it, unless it is there."""
        self._fail("allocate")
        image = self.images.get(_checked(volume_id))
        if image is not None and image.size_gb != size_gb:
            raise Conflict(f"{volume_id} exists with {image.size_gb} GB")
        if image is None:
            if size_gb + sum(other.size_gb for other in self.images.values()) > self._capacity_gb:
                raise NoCapacity(f"the pool has no room for {volume_id}")
            self.images[volume_id] = _Image(size_gb)

    def extend(self, volume_id: str, size_gb: int) -> None:
        """The image has that size from now on."""
        self._fail("extend")
        image = self._image(volume_id)
        others = sum(other.size_gb for other in self.images.values()) - image.size_gb
        if size_gb + others > self._capacity_gb:
            raise NoCapacity(f"the pool has no room for {volume_id}")
        image.size_gb = max(size_gb, image.size_gb)

    def cut_back(self, volume_id: str, size_gb: int) -> None:
        """As it was before."""
        self._fail("cut_back")
        image = self._image(volume_id)
        image.size_gb = min(size_gb, image.size_gb)

    def grow(self, volume: Volume) -> bool:
        """Nothing here keeps the file system from it."""
        self._fail("grow")
        return False

    def format(self, volume: Volume) -> None:
        """Empties it and gives it the volume's identity and key."""
        self._fail("format")
        image = self._image(volume.id)
        if volume.id in self.mounted and image.files:
            raise Conflict(f"volume {volume.id} is mounted and holds files: it will not be formatted")
        self.unmount(volume.id)
        key = self._check_key(volume)
        self.images[volume.id] = _Image(image.size_gb, volume.id, key, volume.encrypted)

    def adopt_image(self, adoption: Adoption) -> None:
        """From the fake that stands for the other pool."""
        self._fail("adopt_image")
        other = self if adoption.source is None else self.elsewhere[adoption.source]
        if adoption.id.startswith("vol_"):
            self.images.setdefault(adoption.id, _twin(other.images[adoption.id]))
        else:
            self.snapshots.setdefault(adoption.id, _twin(other.snapshots[adoption.id]))

    def adopt_record(self, adoption: Adoption, held_bytes: int) -> None:
        """Fake keys open everywhere."""
        self._fail("adopt_record")
        other = self if adoption.source is None else self.elsewhere[adoption.source]
        if adoption.id.startswith("vol_"):
            volume = other.records[adoption.id]
            self.records[adoption.id] = adopted_volume(volume, adoption, volume.wrapped_key)
        else:
            snapshot = other.snapshot_records[adoption.id]
            key = snapshot.origin.wrapped_key
            self.snapshot_records[adoption.id] = adopted_snapshot(snapshot, adoption, key, held_bytes)

    def leave(self, adoption: Adoption) -> None:
        """Neither volume nor snapshot of that id is left."""
        self._fail("leave")
        if adoption.source is None:
            return
        if adoption.id.startswith("vol_"):
            self.erase(adoption.id)
        else:
            self.erase_snapshot(adoption.id)

    def read_record(self, volume_id: str) -> Volume:
        """What `write_record` kept."""
        return self.records[volume_id]

    def read_snapshot_record(self, snapshot_id: str) -> Snapshot:
        """What `write_snapshot_record` kept."""
        return self.snapshot_records[snapshot_id]

    def write_record(self, volume: Volume) -> None:
        """Kept beside the image, without what belongs to the book."""
        self._fail("write_record")
        _checked(volume.id)
        self.records[volume.id] = replace(volume, attached_machine_id=None, usage=Usage())

    def list_records(self) -> list[Volume]:
        """In order of id."""
        return [self.records[volume_id] for volume_id in sorted(self.records)]

    def mount(self, volume: Volume) -> str:
        """Checks identity and key, as the real one."""
        self._fail("mount")
        image = self._image(volume.id)
        key = self._check_key(volume)
        if volume.fstype is FileSystemKind.RAW:
            return self.mounted.setdefault(volume.id, f"/dev/fake/{volume.id}")
        if image.identity != volume.id:
            raise WrongVolume(f"the device of volume {volume.id} carries another identity: {image.identity}")
        if (image.encrypted, image.key) != (volume.encrypted, key):
            raise Damaged(f"the key of volume {volume.id} is not the one that it was encrypted with")
        return self.mounted.setdefault(volume.id, f"/fake/volumes/{volume.id}/root")

    def unmount(self, volume_id: str) -> None:
        """Refused while a test says that it is in use."""
        self._fail("unmount")
        self._check_unused(_checked(volume_id), f"volume {volume_id}")
        self.mounted.pop(volume_id, None)

    def observe_usage(self, volume_id: str) -> Usage | None:
        """By the files in it."""
        if volume_id not in self.mounted or self.mounted[volume_id].startswith("/dev/"):
            return None
        image = self.images[volume_id]
        blocks = gb_to_bytes(image.size_gb) // _BLOCK
        free = blocks - sum(-(-len(content) // _BLOCK) for content in image.files.values())
        return Usage(block_size=_BLOCK, blocks=blocks, blocks_free=free, blocks_avail=free)

    def snapshot_bound(self, volume_id: str) -> int:
        """By the files in it."""
        return sum(map(len, self._image(volume_id).files.values()))

    def take_snapshot(self, origin: Origin, snapshot_id: str) -> None:
        """Kept as it is when it is there."""
        self._fail("take_snapshot")
        self.snapshots.setdefault(_checked_snapshot(snapshot_id), _twin(self._image(origin.volume_id)))

    def held_bytes(self, snapshot_id: str, older: str | None) -> int:
        """Files that the older one has not, or not so."""
        before = self._snapshot(older).files if older else {}
        files = self._snapshot(snapshot_id).files
        return sum(len(content) for name, content in files.items() if before.get(name) != content)

    def write_snapshot_record(self, snapshot: Snapshot) -> None:
        """Kept beside the snapshot."""
        self._fail("write_snapshot_record")
        self.snapshot_records[snapshot.id] = snapshot

    def erase_snapshot(self, snapshot_id: str) -> None:
        """Gone with its record."""
        self._fail("erase_snapshot")
        self.snapshots.pop(_checked_snapshot(snapshot_id), None)
        self.snapshot_records.pop(snapshot_id, None)

    def list_changes(self, base: str, snapshot_id: str) -> list[tuple[int, int]]:
        """Everything."""
        self._snapshot(base)
        return [(0, gb_to_bytes(self._snapshot(snapshot_id).size_gb))]

    def snapshot_files(self, origin: Origin, snapshot_id: str) -> dict[str, Path]:
        """A path by which the fake store finds the snapshot."""
        self._snapshot(snapshot_id)
        return {"image": Path(f"/fake/snapshots/{snapshot_id}")}

    def open_key(self, origin: Origin) -> bytes | None:
        """Its number."""
        return origin.wrapped_key.partition(":")[2].encode() if origin.wrapped_key else None

    def close_key(self, key: bytes, volume_id: str) -> str:
        """Bound to the volume."""
        return f"{volume_id}:{key.decode()}"

    def begin_copy(self, volume: Volume, image_bytes: int) -> dict[str, Path] | None:
        """A path by which the fake store finds it."""
        self._fail("begin_copy")
        if _checked(volume.id) in self.images:
            return None
        self.unfinished.setdefault(volume.id, _Image(image_bytes // GIB))
        return {"image": Path(f"/fake/unfinished/{volume.id}")}

    def finish_copy(self, volume: Volume, origin_id: str) -> None:
        """Carries the new volume's identity from now on."""
        self._fail("finish_copy")
        if volume.id in self.images:
            return
        image = self.unfinished.pop(volume.id)
        if image.identity != origin_id:
            raise WrongVolume(f"what was to be copied does not carry the identity of volume {origin_id}")
        image.identity, image.size_gb, image.key = volume.id, volume.size_gb, volume.wrapped_key
        self.images[volume.id] = image

    def rewrap_key(self, origin: Origin, volume_id: str) -> str | None:
        """Bound to the other volume."""
        if origin.wrapped_key is None:
            return None
        return f"{volume_id}:{origin.wrapped_key.partition(':')[2]}"

    def copy(self, volume: Volume, origin: Origin, snapshot_id: str | None) -> None:
        """Carries the new volume's identity; the key inside is the origin's."""
        self._fail("copy")
        if _checked(volume.id) in self.images:
            return
        image = _twin(self._snapshot(snapshot_id) if snapshot_id else self._image(origin.volume_id))
        if image.identity != origin.volume_id:
            raise WrongVolume(f"what was to be copied does not carry the identity of volume {origin.volume_id}")
        image.identity, image.size_gb = volume.id, volume.size_gb
        image.key = self.rewrap_key(origin, volume.id)
        self.images[volume.id] = image

    def open_view(self, view: str, origin: Origin, snapshot_id: str | None) -> str:
        """A copy that nothing changes."""
        self._fail("open_view")
        if not _VIEW_NAME.match(view):
            raise Invalid(f"{view!r} cannot name a view", field="view")
        image = _twin(self._snapshot(snapshot_id) if snapshot_id else self._image(origin.volume_id))
        if origin.fstype is FileSystemKind.EXT4 and image.identity != origin.volume_id:
            raise WrongVolume(f"what was to be read does not carry the identity of volume {origin.volume_id}")
        self.views[view] = image
        return f"/dev/fake/{view}" if origin.fstype is FileSystemKind.RAW else f"/fake/views/{view}"

    def close_view(self, view: str) -> None:
        """Gone."""
        self.views.pop(view, None)

    def list_folder(self, root: str, path: bytes) -> Listing:
        """Files only, all in one folder."""
        files, name = self._folder(root), os.fsdecode(path.strip(b"/"))
        if name in ("", "."):
            return Listing(True, tuple(_info(each, files[each]) for each in sorted(files)))
        if name not in files:
            raise NotFound(f"there is no /{name} in the snapshot")
        return Listing(False, (_info(name, files[name]),))

    def read_file(self, root: str, path: bytes) -> tuple[FileInfo, Iterator[bytes]]:
        """In one part."""
        found = self.list_folder(root, path)
        if found.folder:
            raise Conflict(f"{os.fsdecode(path)} is a directory, not a file")
        return found.entries[0], iter([self._folder(root)[os.fsdecode(found.entries[0].name)]])

    def pack_folder(self, root: str, path: bytes) -> Iterator[bytes]:
        """A real tar."""
        if not self.list_folder(root, path).folder:
            raise Conflict(f"{os.fsdecode(path)} is not a folder")
        return iter([_tar(self._folder(root))])

    def export(self, view: str, origin: Origin, root: str, format: ExportFormat) -> Iterator[bytes]:
        """A real tar, whatever is asked for."""
        self._fail("export")
        return compress([_tar(self.views[view].files)])

    def fill(self, volume: Volume, read: Callable[[], bytes], room: Callable[[int], None]) -> list[str]:
        """From a real tar of files."""
        self._fail("fill")
        image = self._image(volume.id)
        content = b"".join(iter(read, b""))
        if not content:
            raise Invalid("nothing can be imported: what was sent is empty")
        if is_zstd(content):
            packed = iter([content])
            content = b"".join(decompress(lambda: next(packed, b"")))
        try:
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:", ignore_zeros=False) as tar:
                files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        except tarfile.TarError:
            raise Invalid("what was sent is neither a tar nor an ext4 image, compressed with zstd or not") from None
        if not content.endswith(bytes(1024)):
            raise Invalid("what was to be imported cannot be taken: it was cut short")
        if sum(map(len, files.values())) > gb_to_bytes(image.size_gb):
            raise Invalid(f"a volume of {image.size_gb} GB is too small")
        image.files.update(files)
        return []

    def erase(self, volume_id: str) -> None:
        """Image and record are gone."""
        self._fail("erase")
        self.unmount(volume_id)
        self.records.pop(volume_id, None)
        self.unfinished.pop(volume_id, None)
        self.images.pop(volume_id, None)

    def mount_scratch(self, name: str, size_gb: int) -> str:
        """Empty unless it is mounted already."""
        self._fail("mount_scratch")
        if not _SCRATCH_NAME.match(name):
            raise Invalid(f"{name!r} cannot name a scratch file system", field="name")
        self.scratches.setdefault(name, {})
        return f"/fake/scratch/{name}"

    def unmount_scratch(self, name: str) -> None:
        """Gone with all that was in it."""
        self._fail("unmount_scratch")
        self._check_unused(name, f"the scratch file system {name}")
        self.scratches.pop(name, None)

    def _fail(self, verb: str) -> None:
        problem = self.next_problem.pop(verb, None)
        if problem is not None:
            raise problem

    def _image(self, volume_id: str) -> _Image:
        if _checked(volume_id) not in self.images:
            raise Damaged(f"the image of volume {volume_id} is missing from the pool")
        return self.images[volume_id]

    def _snapshot(self, snapshot_id: str) -> _Image:
        if _checked_snapshot(snapshot_id) not in self.snapshots:
            raise Damaged(f"the image of snapshot {snapshot_id} is missing from the pool")
        return self.snapshots[snapshot_id]

    def _check_unused(self, name: str, what: str) -> None:
        if name in self.in_use:
            raise Conflict(f"{what} is still in use")

    @staticmethod
    def _check_key(volume: Volume) -> str | None:
        if not volume.encrypted:
            return None
        if volume.wrapped_key is None or not volume.wrapped_key.startswith(f"{volume.id}:"):
            raise Damaged(f"the key of volume {volume.id} does not open with this host's wrapping key")
        return volume.wrapped_key

    def _folder(self, path: str) -> dict[str, bytes]:
        for volume_id, mounted in self.mounted.items():
            if mounted == path:
                return self.images[volume_id].files
        if path.startswith("/fake/views/"):
            return self.views[path.removeprefix("/fake/views/")].files
        return self.scratches[path.removeprefix("/fake/scratch/")]


def _info(name: str, content: bytes) -> FileInfo:
    return FileInfo(name=os.fsencode(name), type="file", size=len(content), mode=0o644, uid=0, gid=0, mtime_ns=0)


def _tar(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def _twin(image: _Image) -> _Image:
    return replace(image, files=dict(image.files))


def _checked_snapshot(snapshot_id: str) -> str:
    if not SNAPSHOT_ID.match(snapshot_id):
        raise Invalid(f"{snapshot_id!r} is not a snapshot id", field="id")
    return snapshot_id


def _checked(volume_id: str) -> str:
    if not VOLUME_ID.match(volume_id):
        raise Invalid(f"{volume_id!r} is not a volume id", field="id")
    return volume_id
