"""What may never happen to a volume: the wrong one mounted, a neighbour hurt, clear bytes or keys seen by others."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from caddis.domain.errors import Conflict, Damaged, Problem, WrongVolume
from caddis.domain.ids import filesystem_label, filesystem_uuid
from caddis.domain.sizes import GIB, MIB
from caddis.domain.volume import EncryptionKind, FileSystemKind
from caddis.kernel import filesystem, loop, mount
from caddis.telemetry.seam import watch
from contracts.volumes_contract import create, describe, new_id
from real_store import RealHost, list_loops, temporary_host

pytestmark = pytest.mark.host
MARKER = b"caddis-marker-7c1fca1e-" * 200


@pytest.fixture
def host() -> Iterator[RealHost]:
    with temporary_host() as host:
        host.open()
        yield host


def _write_synced(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _image_has(image: Path, text: bytes) -> bool:
    found = subprocess.run(["grep", "-q", "-a", "-F", text.decode(), str(image)], check=False)
    return found.returncode == 0


def _head(image: Path) -> bytes:
    with open(image, "rb") as file:
        return file.read(8 * MIB)


def _patch(image: Path, offset: int, content: bytes) -> None:
    with open(image, "r+b") as file:
        file.seek(offset)
        file.write(content)
        os.fsync(file.fileno())


def test_a_volumes_device_has_exactly_its_size_and_identity(host: RealHost) -> None:
    volume = create(host.store)
    host.store.mount(volume)
    number = os.minor(os.stat(host.run / "volumes" / volume.id).st_dev)
    block = Path(f"/sys/block/loop{number}")
    assert int((block / "size").read_text()) * 512 == 1_073_741_824
    assert (block / "loop" / "dio").read_text().strip() == "1"
    with open(f"/dev/loop{number}", "rb") as device:
        identity = filesystem.read_ext4_identity(device.fileno())
    assert identity == filesystem.Ext4Identity(filesystem_uuid(volume.id), filesystem_label(volume.id))
    blkid = subprocess.run(["blkid", "-p", "-o", "export", f"/dev/loop{number}"], capture_output=True, text=True)
    assert f"UUID={filesystem_uuid(volume.id)}" in blkid.stdout


def test_a_volume_is_wholly_allocated_and_stays_so_after_formatting(host: RealHost) -> None:
    volume = create(host.store)
    assert host.image(volume.id).stat().st_blocks * 512 >= GIB


def test_a_new_file_system_has_nothing_to_repair(host: RealHost) -> None:
    for kind in (EncryptionKind.NONE, EncryptionKind.FSCRYPT):
        volume = create(host.store, kind=kind)
        checked = subprocess.run(["e2fsck", "-f", "-n", str(host.image(volume.id))], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


def test_a_full_volume_hurts_nobody_but_its_own_machine(host: RealHost) -> None:
    full, other = create(host.store), create(host.store)
    mine, theirs = Path(host.store.mount(full)), Path(host.store.mount(other))
    with pytest.raises(OSError, match="No space left"):
        with open(mine / "big", "wb", buffering=0) as file:
            while True:
                file.write(bytes(16 * MIB))
    _write_synced(theirs / "fine", bytes(200 * MIB))
    usage = host.store.observe_usage(full.id)
    assert usage is not None and usage.blocks_avail < 1000
    third = create(host.store)
    _write_synced(Path(host.store.mount(third)) / "fine", b"x")


def test_df_inside_shows_the_volume_and_not_the_host(host: RealHost) -> None:
    about = os.statvfs(host.store.mount(create(host.store)))
    assert 0.95 * GIB < about.f_blocks * about.f_frsize <= GIB


@pytest.mark.parametrize(
    ("offset", "content"),
    [
        (1024, bytes(1024)),  # no superblock at all
        (1024 + 120, b"someone-elses-fs"),  # another label
        (1024 + 104, bytes(range(16))),  # another UUID
    ],
)
def test_another_identity_refuses_and_changes_nothing(host: RealHost, offset: int, content: bytes) -> None:
    volume = create(host.store)
    _patch(host.image(volume.id), offset, content)
    before = (host.leftovers(), _head(host.image(volume.id)))
    with pytest.raises(WrongVolume, match="nothing was mounted"):
        host.store.mount(volume)
    assert (host.leftovers(), _head(host.image(volume.id))) == before


def test_a_cut_image_is_refused(host: RealHost) -> None:
    volume = create(host.store)
    os.truncate(host.image(volume.id), GIB // 2)
    with pytest.raises(Damaged, match="cut short"):
        host.store.mount(volume)
    assert list_loops(host.run) == []


def test_an_ext4_that_caddis_did_not_make_is_refused_even_with_the_right_name(host: RealHost) -> None:
    volume = describe(host.store, new_id())
    host.store.allocate(volume.id, 1)
    names = ["-U", filesystem_uuid(volume.id), "-L", filesystem_label(volume.id)]
    subprocess.run(["mkfs.ext4", "-q", "-F", *names, str(host.image(volume.id))], check=True)
    with pytest.raises(WrongVolume, match="no folder"):
        host.store.mount(volume)
    assert list_loops(host.run) == []


def test_a_damaged_file_system_is_not_mounted_and_nothing_is_held(host: RealHost) -> None:
    volume = create(host.store)
    _patch(host.image(volume.id), 4096, b"\xff" * 4096)  # the group descriptors
    with pytest.raises((Damaged, WrongVolume)):
        host.store.mount(volume)
    assert list_loops(host.run) == []


def test_clear_bytes_are_in_the_image_without_encryption_and_nowhere_with_it(host: RealHost) -> None:
    for encrypted in (False, True):
        volume = create(host.store, encrypted=encrypted)
        assert (volume.encryption is EncryptionKind.NONE) is not encrypted
        _write_synced(Path(host.store.mount(volume)) / "planted-file-name", MARKER)
        host.store.unmount(volume.id)
        assert _image_has(host.image(volume.id), MARKER[:23]) is not encrypted
        assert _image_has(host.image(volume.id), b"planted-file-name") is not encrypted


def test_a_closed_volume_shows_neither_names_nor_contents_without_its_key(host: RealHost) -> None:
    volume = create(host.store, kind=EncryptionKind.FSCRYPT)
    _write_synced(Path(host.store.mount(volume)) / "secret-name", MARKER)
    host.store.unmount(volume.id)
    target = host.run / "by-hand"
    target.mkdir()
    with host.store.pool.opened(f"volumes/{volume.id}") as device:
        mount.mount(device, target, "ext4")
    try:
        (name,) = os.listdir(target / "root")
        assert name != "secret-name"
        with pytest.raises(OSError, match="Required key not available"):
            (target / "root" / name).read_bytes()
    finally:
        assert mount.unmount(target, patience=2)


def test_a_volume_whose_record_says_unencrypted_is_not_handed_out_locked(host: RealHost) -> None:
    volume = create(host.store, kind=EncryptionKind.FSCRYPT)
    with pytest.raises(Damaged, match="encrypted"):
        host.store.mount(replace(volume, encryption=EncryptionKind.NONE))
    plain = create(host.store)
    with pytest.raises(Damaged, match="is not"):
        host.store.mount(replace(plain, encryption=EncryptionKind.FSCRYPT, wrapped_key=host.store.make_key(plain.id)))
    assert list_loops(host.run) == []


def test_keys_are_in_no_command_line_log_or_record(host: RealHost, caplog: pytest.LogCaptureFixture) -> None:
    from caddis.volumes.keys import open_wrapping_key

    caplog.set_level(logging.DEBUG, logger="caddis")
    seen: list[bytes] = []

    def look(_seam: str) -> None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(entry.read_bytes())
            except OSError:
                continue

    with watch(look):
        volume = create(host.store, encrypted=True)
        host.store.mount(volume)
    assert volume.wrapped_key is not None
    key = open_wrapping_key(host.data / "wrapping.key", may_create=False).unwrap(volume.wrapped_key, volume.id)
    told = "\n".join(f"{line.getMessage()} {line.__dict__}" for line in caplog.records)
    assert "mkfs.ext4" in told  # so that the log was really looked at
    for form in (key.reveal, key.reveal.hex().encode()):
        assert form not in b"".join(seen)
        assert form.decode("latin1") not in told
        assert form not in host.image(volume.id).with_suffix(".json").read_bytes()
    assert repr(key) == "Key(***)"


def test_what_an_app_has_synced_is_in_the_image_at_once(host: RealHost) -> None:
    volume = create(host.store)
    path = Path(host.store.mount(volume))
    number = os.minor(os.stat(path).st_dev)
    assert Path(f"/sys/block/loop{number}/queue/write_cache").read_text().strip() == "write back"  # flushes go through
    _write_synced(path / "f", MARKER)
    copy = host.data / "copy.img"
    try:
        # What is on the pool's disk now, past every cache, is a volume with that file in it.
        with open(host.data / "pool.img", "rb") as pool:
            os.fsync(pool.fileno())
        direct = ["dd", f"if={host.image(volume.id)}", f"of={copy}", "bs=4M", "iflag=direct", "conv=sparse"]
        subprocess.run(direct, check=True, capture_output=True)
        assert _image_has(copy, MARKER[:23])
    finally:
        copy.unlink(missing_ok=True)


def test_a_loop_device_that_someone_made_by_hand_is_reused(host: RealHost) -> None:
    volume = create(host.store)
    image = host.image(volume.id)
    made = subprocess.run(["losetup", "-f", "--show", str(image)], check=True, capture_output=True, text=True)
    device = made.stdout.strip()
    host.store.mount(volume)
    assert os.stat(host.run / "volumes" / volume.id).st_dev == os.stat(device).st_rdev
    assert list_loops(host.run) == [f"{device.removeprefix('/dev/')} {image}"]
    host.store.unmount(volume.id)
    assert list_loops(host.run) == []


def test_a_read_only_loop_device_of_someone_else_is_refused(host: RealHost) -> None:
    volume = create(host.store)
    made = subprocess.run(
        ["losetup", "-r", "-f", "--show", str(host.image(volume.id))], check=True, capture_output=True, text=True
    )
    try:
        with pytest.raises(Conflict, match="read-only"):
            host.store.mount(volume)
    finally:
        subprocess.run(["losetup", "-d", made.stdout.strip()], check=False)


def test_an_open_file_keeps_a_volume_mounted_and_says_who_holds_it(host: RealHost) -> None:
    volume = create(host.store)
    path = Path(host.store.mount(volume))
    with open(path / "held", "wb"):
        with pytest.raises(Conflict, match=f"in use by process .*{os.getpid()}"):
            host.store.unmount(volume.id)
        assert host.store.mount(volume) == str(path)
    host.store.unmount(volume.id)


def test_a_copy_in_another_namespace_is_noticed_and_never_mounted_twice(host: RealHost) -> None:
    volume = create(host.store, encrypted=True)
    path = host.store.mount(volume)
    device = os.stat(path).st_dev
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; read _"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        with pytest.raises(Conflict, match=f"in use by process .*{holder.pid}"):
            host.store.unmount(volume.id)
        host.put_file(host.store.mount(volume), "guest", b"hello")
        assert os.stat(path).st_dev == device  # the same device: two on one image would destroy it
        holder.stdin.close()
    host.store.unmount(volume.id)
    assert list_loops(host.run) == []


def test_unmounting_reaches_namespaces_that_follow_us(host: RealHost) -> None:
    volume = create(host.store)
    host.store.mount(volume)
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "slave", "sh", "-c", "echo ready; read _"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as follower:
        assert follower.stdout is not None and follower.stdin is not None
        follower.stdout.readline()
        host.store.unmount(volume.id)
        assert list_loops(host.run) == []
        follower.stdin.close()


def test_many_threads_may_work_at_once(host: RealHost) -> None:
    volumes = [create(host.store, encrypted=True) for _ in range(2)]
    problems: list[BaseException] = []

    def churn(number: int) -> None:
        try:
            for _ in range(5):
                path = host.store.mount(volumes[number % 2])
                assert path.endswith("/root")
                host.store.mount_scratch(f"m{number}", 0) if number == 0 else None
                host.store.unmount_scratch("m0") if number == 0 else None
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(list_loops(host.run)) == 2
    for volume in volumes:
        host.store.unmount(volume.id)


def test_a_raw_volume_has_exactly_its_size_and_keeps_its_bytes(host: RealHost) -> None:
    volume = create(host.store, fstype=FileSystemKind.RAW)
    device = host.store.mount(volume)
    with open(device, "r+b") as file:
        assert file.seek(0, os.SEEK_END) == GIB
        file.seek(GIB - 4096)
        file.write(b"end" + bytes(4093))
        file.flush()
        os.fsync(file.fileno())
    host.store.unmount(volume.id)
    assert list_loops(host.run) == []
    with open(host.store.mount(volume), "rb") as file:
        file.seek(GIB - 4096)
        assert file.read(3) == b"end"
    host.store.unmount(volume.id)


def test_a_scratch_has_the_size_that_was_asked_for_and_no_journal(host: RealHost) -> None:
    path = host.store.mount_scratch("m1", 2)
    about = os.statvfs(path)
    assert 1.9 * GIB < about.f_blocks * about.f_frsize <= 2 * GIB
    number = os.minor(os.stat(path).st_dev)
    shown = subprocess.run(["dumpe2fs", "-h", f"/dev/loop{number}"], capture_output=True, text=True, check=True)
    assert "has_journal" not in shown.stdout
    host.store.unmount_scratch("m1")


def test_an_overlay_can_be_laid_over_a_scratch(host: RealHost) -> None:
    scratch = Path(host.store.mount_scratch("m1", 0))
    lower, target = host.run / "lower", host.run / "merged"
    for folder in (lower, target, scratch / "upper", scratch / "work"):
        folder.mkdir()
    (lower / "f").write_text("image")
    mount.mount(
        "overlay", target, "overlay", options=f"lowerdir={lower},upperdir={scratch}/upper,workdir={scratch}/work"
    )
    (target / "f").write_text("changed")
    assert (lower / "f").read_text() == "image"
    assert mount.unmount(target, patience=2)
    host.store.unmount_scratch("m1")


def test_erasing_overwrites_the_key_before_the_image_goes(host: RealHost) -> None:
    volume = create(host.store, encrypted=True)
    record = host.image(volume.id).with_suffix(".json")
    with open(record, "rb") as held:
        assert volume.wrapped_key is not None and volume.wrapped_key.encode() in held.read()
        host.store.erase(volume.id)
        held.seek(0)
        assert not any(held.read())


def test_nothing_can_be_attached_beside_an_attached_image(host: RealHost) -> None:
    volume = create(host.store)
    host.store.mount(volume)
    fd = os.open(host.image(volume.id), os.O_RDWR)
    try:
        assert not loop.lock(fd)
        with loop.attached(fd, autoclear=True) as device:
            assert os.stat(device).st_rdev == os.stat(host.run / "volumes" / volume.id).st_dev
    finally:
        os.close(fd)


def test_a_file_system_that_cannot_grow_is_mounted_as_it_is(host: RealHost) -> None:
    store = host.open()
    volume = create(store)
    host.put_file(store.mount(volume), "guest", b"hello")
    store.unmount(volume.id)
    store.extend(volume.id, 2)
    larger = replace(volume, size_gb=2)

    def fail(passed: str) -> None:
        if passed == "volumes.grow:after check":
            raise Problem("planned by the test")

    with watch(fail):
        assert host.list_files(store.mount(larger)) == ["guest"]
    usage = store.observe_usage(volume.id)
    assert usage is not None and usage.blocks * usage.block_size < 1.1 * GIB
    store.unmount(volume.id)
    assert host.list_files(store.mount(larger)) == ["guest"]
    usage = store.observe_usage(volume.id)
    assert usage is not None and usage.blocks * usage.block_size > 1.8 * GIB
    store.unmount(volume.id)
    store.erase(volume.id)
    assert host.leftovers() == []
