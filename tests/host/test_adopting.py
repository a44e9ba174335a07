"""Adopting from another host's pool: what is whole comes over, what is not is named, the source is only read."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caddis.domain.adoption import Adoption, adopted_volume
from caddis.domain.errors import Conflict, Invalid, NotFound, Problem
from caddis.domain.snapshot import Snapshot, SnapshotStatus, origin_of
from caddis.domain.volume import FileSystemKind, Volume, VolumeState
from caddis.kernel import mount
from caddis.volumes.sources import Finding, opened_source
from contracts.volumes_contract import create
from real_store import RealHost, list_loops, list_mounts, temporary_host

pytestmark = pytest.mark.host

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SNAPSHOT = "vs_0123456789abcdef"


@pytest.fixture
def there() -> Iterator[RealHost]:
    """The host whose disk it was, shut down: the pool is an image file."""
    with temporary_host() as host:
        host.open()
        yield host


@pytest.fixture
def here() -> Iterator[RealHost]:
    with temporary_host() as host:
        host.open()
        yield host


def fingerprint(path: Path) -> tuple[int, ...]:
    """Changes with every write, whoever does it: a loop device writes through the file too."""
    about = path.stat()
    return about.st_mtime_ns, about.st_ctime_ns, about.st_size


def shut(host: RealHost) -> Path:
    """Close the host's pool; the image that is left of it."""
    host.store.close()
    assert mount.wait_until(lambda: list_loops(host.data) == [], patience=5)
    return host.data / "pool.img"


def key_of(host: RealHost) -> str:
    return str(host.data / "wrapping.key")


def fill(host: RealHost, volume: Volume) -> None:
    host.put_file(host.store.mount(volume), "hello", b"from there")
    host.store.unmount(volume.id)


def adoption_of(host: RealHost, root: Path, id: str) -> Adoption:
    return Adoption(id=id, source=str(root), wrapping_key=key_of(host), region="ams", zone="b2", at=NOW)


def look(here: RealHost, there: RealHost, where: Path, key: str | None = None) -> dict[str, Finding]:
    with opened_source(where, here.run) as root:
        return {found.id: found for found in here.store.inspect(root, key or key_of(there))}


def why(finding: Finding) -> str:
    assert finding.problem is not None, finding
    return finding.problem.message


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_volume_opens_on_its_new_host_and_the_source_is_as_it_was(
    here: RealHost, there: RealHost, encrypted: bool
) -> None:
    volume = create(there.store, encrypted=encrypted)
    fill(there, volume)
    image = shut(there)
    before = fingerprint(image)
    with opened_source(image, here.run) as root:
        found = {one.id: one for one in here.store.inspect(root, key_of(there))}
        assert found[volume.id].thing == volume
        adoption = adoption_of(there, root, volume.id)
        for _twice in range(2):
            here.store.adopt_image(adoption)
            here.store.adopt_record(adoption, 0)
    adopted = here.store.read_record(volume.id)
    assert replace(adopted, wrapped_key=None) == adopted_volume(volume, adoption, None)
    assert not encrypted or adopted.wrapped_key != volume.wrapped_key
    assert (Path(here.store.mount(adopted)) / "hello").read_bytes() == b"from there"
    here.store.unmount(volume.id)
    assert os.stat(here.image(volume.id)).st_blocks * 512 >= 1 << 30  # a promise of space is kept here too
    assert fingerprint(image) == before
    here.store.leave(adoption)
    assert here.leftovers() == [] and not (here.run / "adopt").exists()


def test_a_snapshot_comes_over_and_makes_volumes(here: RealHost, there: RealHost) -> None:
    volume = create(there.store, encrypted=True)
    fill(there, volume)
    there.store.take_snapshot(origin_of(volume), SNAPSHOT)
    snapshot = Snapshot(
        id=SNAPSHOT,
        app="web",
        volume_name="data",
        region="lhr",
        zone="a1f0",
        origin=origin_of(volume),
        status=SnapshotStatus.CREATED,
        created_at=NOW,
        retention_days=5,
        due_at=NOW,
        expires_at=NOW,
    )
    there.store.write_snapshot_record(snapshot)
    with opened_source(shut(there), here.run) as root:
        assert {found.id for found in here.store.inspect(root, key_of(there))} == {volume.id, SNAPSHOT}
        adoption = adoption_of(there, root, SNAPSHOT)
        here.store.adopt_image(adoption)
        here.store.adopt_record(adoption, 77)
    adopted = here.store.read_snapshot_record(SNAPSHOT)
    assert (adopted.held_bytes, adopted.expires_at) == (77, NOW + timedelta(days=5))
    copy = replace(volume, id="vol_0123456789abcdef", wrapped_key=None)
    copy = replace(copy, wrapped_key=here.store.rewrap_key(adopted.origin, copy.id))
    here.store.copy(copy, adopted.origin, SNAPSHOT)
    assert (Path(here.store.mount(copy)) / "hello").read_bytes() == b"from there"
    here.store.unmount(copy.id)


def test_what_is_wrong_is_named_and_hides_nothing_else(here: RealHost, there: RealHost, tmp_path: Path) -> None:
    whole, altered, short, gone = (create(there.store) for _ in range(4))
    record = there.image(altered.id).with_suffix(".json")
    document = json.loads(record.read_text())
    document["volume"]["app"] = "mine"
    record.write_text(json.dumps(document))
    os.truncate(there.image(short.id), 12345)
    there.image(gone.id).unlink()
    found = look(here, there, shut(there))
    assert found[whole.id].thing == whole
    assert "checksum does not match" in why(found[altered.id])
    assert "12345 bytes" in why(found[short.id])
    assert "is missing" in why(found[gone.id])


def test_images_that_were_exchanged_are_both_left_alone(here: RealHost, there: RealHost) -> None:
    one, other = create(there.store), create(there.store)
    there.swap_images(one.id, other.id)
    found = look(here, there, shut(there))
    assert all("does not carry the identity" in why(found[id]) for id in (one.id, other.id))


def test_a_wrong_key_opens_nothing_but_what_needs_none(here: RealHost, there: RealHost) -> None:
    closed, plain = create(there.store, encrypted=True), create(there.store)
    image = shut(there)
    found = look(here, there, image, key_of(here))
    assert "does not open with the wrapping key" in why(found[closed.id])
    assert found[plain.id].thing == plain
    with pytest.raises(NotFound, match="no wrapping key"):
        look(here, there, image, "/nowhere/wrapping.key")


def test_a_pool_or_volume_in_use_is_left_alone(here: RealHost, there: RealHost) -> None:
    volume = create(there.store)
    with pytest.raises(Conflict, match="in use"):
        look(here, there, there.data / "pool.img")
    there.store.mount(volume)
    folder = there.run / "pool"
    adoption = adoption_of(there, folder, volume.id)
    with pytest.raises(Conflict, match="in use where it is"):
        here.store.adopt_image(adoption)
    there.store.unmount(volume.id)
    assert look(here, there, folder)[volume.id].thing == volume
    here.store.adopt_image(adoption)
    assert here.image(volume.id).exists()


def test_a_pool_whose_journal_is_full_is_not_even_mounted(here: RealHost, there: RealHost, tmp_path: Path) -> None:
    create(there.store)
    dirty = tmp_path / "pool.img"  # as after a power cut: taken while it was mounted and changed
    with (there.run / "pool" / "volumes" / "noise").open("w") as noise:
        noise.write("x")
        os.fsync(noise.fileno())  # it is in the journal now, and nowhere else yet
    subprocess.run(["cp", "--sparse=always", there.data / "pool.img", dirty], check=True)
    before = fingerprint(dirty)
    with pytest.raises(Conflict, match="not unmounted cleanly"):
        look(here, there, dirty)
    assert fingerprint(dirty) == before
    (there.run / "pool" / "volumes" / "noise").unlink()


def test_what_is_no_pool_is_refused(here: RealHost, there: RealHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(8192))
    for where, kind in ((tmp_path, Invalid), (tmp_path / "file", Invalid), (tmp_path / "nothing", NotFound)):
        with pytest.raises(kind):
            look(here, there, where)


def test_a_source_left_mounted_by_a_death_goes_when_the_next_agent_comes(here: RealHost, there: RealHost) -> None:
    image = shut(there)
    keeping = opened_source(image, here.run)
    keeping.__enter__()
    assert str(here.run / "adopt") in list_mounts(here.run)
    here.open()
    assert str(here.run / "adopt") not in list_mounts(here.run)
    assert mount.wait_until(lambda: list_loops(there.data) == [], patience=5)
    with pytest.raises(Problem):
        keeping.__exit__(None, None, None)
        raise Problem("silent is fine too")


def test_the_state_of_a_record_is_heeded(here: RealHost, there: RealHost) -> None:
    from caddis.domain.adoption import check_adoptable

    volume = create(there.store, fstype=FileSystemKind.RAW)
    check_adoptable(volume, named=False)
    gone = replace(volume, state=VolumeState.PENDING_DESTROY)
    check_adoptable(gone, named=True)
    with pytest.raises(Conflict, match="was destroyed"):
        check_adoptable(gone, named=False)
    with pytest.raises(Conflict, match="let its own host"):
        check_adoptable(replace(volume, state=VolumeState.EXTENDING), named=True)
