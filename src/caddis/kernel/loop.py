"""Loop devices: a file seen as a block device. By ioctl, because losetup costs ten times as much.

The file that is handed to LOOP_CONFIGURE keeps its lock (flock) for as long as the device has it: the kernel holds the
very same open file. So `lock` answers "is it attached?" without looking at a single device, and two devices on one
file, which would destroy the file system inside, cannot come to be by us.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from caddis.domain.errors import Conflict, Missing
from caddis.telemetry.log import note

_CONTROL = "/dev/loop-control"
_CLR_FD, _SET_STATUS64, _GET_STATUS64 = 0x4C01, 0x4C04, 0x4C05  # linux/loop.h
_SET_CAPACITY, _SET_DIRECT_IO, _CONFIGURE, _GET_FREE = 0x4C07, 0x4C08, 0x4C0A, 0x4C82
_READ_ONLY, _AUTOCLEAR, _DIRECT_IO = 1, 4, 16
_INFO = struct.Struct("=QQQQQIIII64s64s32s2Q")  # struct loop_info64
_FLAGS_AT = 52
_CONFIG_RESERVED = bytes(64)
_MAJOR = 7
# Always said, never left to the kernel: since 6.15 it would take the file system's block size for a file that shares
# blocks with another, and no ext4 mounts on sectors of 64 KiB.
_SECTORS = (512, 4096)
_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class LoopDevice:
    """An attached device, kept open by `fd` until `release`; with autoclear that detaches it, unless it is in use."""

    path: str
    fd: int

    def release(self) -> None:
        """Let go of it."""
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class LoopStatus:
    """What the kernel says of an attached device."""

    device: int  # of the file that backs it
    inode: int
    direct_io: bool
    autoclear: bool


def lock(fd: int) -> bool:
    """Take the file's lock; False when a device (or someone about to attach one) has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def attached(fd: int, *, autoclear: bool) -> Iterator[str]:
    """The path of a device on the file `fd`, found or made, held open for the length of the block."""
    device = attach(fd, autoclear=autoclear)
    try:
        yield device.path
    finally:
        device.release()


def attach(fd: int, *, autoclear: bool) -> LoopDevice:
    """A device on the file `fd` with direct I/O: the one that is there already, else a new one.

    `autoclear`: the kernel detaches it when nobody has it open or mounted any more. A process killed between attaching
    and mounting then leaves nothing behind, and unmounting needs no second step that a crash could keep from happening.
    Raises Conflict when someone else holds the file, or attached only a part of it.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    sector = _SECTORS[0]
    while True:
        found = find(fd)
        if found is not None:
            return _adopt(found, autoclear)
        if lock(fd):
            device = _attach_new(fd, autoclear, sector)
            if device is not None and (sector == _SECTORS[-1] or _is_direct(device)):
                return device  # the last even without direct I/O, which the file system below may not have
            if device is not None:  # on a disk with sectors of 4 KiB, and for clones on XFS, only those go directly
                detach(device)
                device.release()
                sector = _SECTORS[-1]
        if time.monotonic() > until:
            raise Conflict("the image could not be attached: someone else holds it, or takes every loop device")
        time.sleep(_POLL_SECONDS)


def find(fd: int) -> LoopDevice | None:
    """The device that the file `fd` is attached to, whoever did it, opened."""
    wanted = os.fstat(fd)
    for number in _list_numbers():
        path = f"/dev/loop{number}"
        try:
            device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        status = observe(device)
        if status is not None and (status.device, status.inode) == (wanted.st_dev, wanted.st_ino):
            return LoopDevice(path, device)
        os.close(device)
    return None


def refresh_size(fd: int) -> None:
    """Have the device that shows the file `fd`, if there is one, take over the file's size, in use or not."""
    device = find(fd)
    if device is not None:
        try:
            fcntl.ioctl(device.fd, _SET_CAPACITY)
        finally:
            device.release()


def observe(device_fd: int) -> LoopStatus | None:
    """What is attached to an open loop device; None when nothing is."""
    try:
        answer = fcntl.ioctl(device_fd, _GET_STATUS64, bytes(_INFO.size))
    except OSError as refused:
        if refused.errno in (errno.ENXIO, errno.ENOTTY):
            return None
        raise
    device, inode, *_, flags = _INFO.unpack(answer)[:9]
    return LoopStatus(_from_kernel(device), inode, bool(flags & _DIRECT_IO), bool(flags & _AUTOCLEAR))


def backs(device_number: int, file: os.stat_result) -> bool:
    """Whether the block device of that number (a file system's st_dev) is a loop device on this file."""
    if os.major(device_number) != _MAJOR:
        return False
    fd = os.open(f"/dev/loop{os.minor(device_number)}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = observe(fd)
    finally:
        os.close(fd)
    return status is not None and (status.device, status.inode) == (file.st_dev, file.st_ino)


def detach(device: LoopDevice) -> None:
    """Detach it as soon as nobody else has it open."""
    try:
        fcntl.ioctl(device.fd, _CLR_FD)
    except OSError as refused:
        if refused.errno != errno.ENXIO:  # nothing was attached any more
            raise


def _adopt(device: LoopDevice, autoclear: bool) -> LoopDevice:
    """Make a device that was found what we need of it."""
    information = bytearray(fcntl.ioctl(device.fd, _GET_STATUS64, bytes(_INFO.size)))
    _, _, _, offset, limit, *_, flags = _INFO.unpack(information)[:9]
    if offset or limit or flags & _READ_ONLY:
        device.release()
        raise Conflict(f"{device.path} was attached by someone else, to a part of the image or read-only")
    if autoclear and not flags & _AUTOCLEAR:
        struct.pack_into("=I", information, _FLAGS_AT, flags | _AUTOCLEAR)
        fcntl.ioctl(device.fd, _SET_STATUS64, bytes(information))
    if not flags & _DIRECT_IO:
        try:
            fcntl.ioctl(device.fd, _SET_DIRECT_IO, 1)
        except OSError:  # the file system below cannot; everything else is as it should be
            note("loop device without direct I/O", device=device.path, level=logging.WARNING)
    return device


def _is_direct(device: LoopDevice) -> bool:
    status = observe(device.fd)
    return status is not None and status.direct_io


def _attach_new(fd: int, autoclear: bool, sector: int) -> LoopDevice | None:
    """A new device, or None when another process took the free one first."""
    path = f"/dev/loop{_find_free()}"
    try:
        device = LoopDevice(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except OSError as refused:
        if refused.errno in (errno.ENXIO, errno.ENOENT):
            return None  # it was taken away between the question and now: devices come and go
        raise
    try:
        if _configure(device.fd, fd, sector, autoclear):
            return device
    except BaseException:
        device.release()
        raise
    device.release()
    return None


def _configure(device: int, fd: int, sector: int, autoclear: bool) -> bool:
    flags = _DIRECT_IO | (_AUTOCLEAR if autoclear else 0)
    name = os.path.basename(os.readlink(f"/proc/self/fd/{fd}")).encode()[:63]
    info = _INFO.pack(0, 0, 0, 0, 0, 0, 0, 0, flags, name, b"", b"", 0, 0)
    try:
        fcntl.ioctl(device, _CONFIGURE, struct.pack("=II", fd, sector) + info + _CONFIG_RESERVED)
    except OSError as refused:
        if refused.errno == errno.EBUSY:
            return False
        raise
    return True


def _find_free() -> int:
    try:
        control = os.open(_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    except OSError as refused:
        raise Missing("this host has no loop devices", hint="modprobe loop") from refused
    try:
        return fcntl.ioctl(control, _GET_FREE)
    finally:
        os.close(control)


def _list_numbers() -> list[int]:
    names = (name[4:] for name in os.listdir("/sys/block") if name.startswith("loop"))
    return sorted(
        int(name) for name in names if name.isdigit() and os.path.exists(f"/sys/block/loop{name}/loop/backing_file")
    )


def _from_kernel(device: int) -> int:
    """loop_info64 carries the kernel's "new" 32-bit encoding of device numbers (huge_encode_dev)."""
    return os.makedev((device & 0xFFF00) >> 8, (device & 0xFF) | ((device >> 12) & 0xFFF00))
