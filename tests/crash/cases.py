"""The cases of the crash matrix: for every operation, what leads up to it and what must hold afterwards."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from matrix import Case, Stage, run

from caddis.agent.operations import RECIPES
from caddis.agent.operations.common import dump
from caddis.domain.adoption import Adoption, adopted_snapshot, adopted_volume
from caddis.domain.errors import NotFound
from caddis.domain.io_limits import IoLimits
from caddis.domain.life import DestroyAsked, Ended, StartAsked, decide
from caddis.domain.machine import (
    ExitStatus,
    File,
    Init,
    Machine,
    MachineConfig,
    MachineState,
    Mount,
    Restart,
    RestartPolicy,
)
from caddis.domain.secret import MachineSecrets
from caddis.domain.snapshot import Snapshot, SnapshotStatus, origin_of
from caddis.domain.volume import EncryptionKind, FileSystemKind, Volume, VolumeState

VOLUME = "vol_0123456789abcdef"
MACHINE = "0123456789abcd"
SECRET = "hunter-two"
COPY = "vol_fedcba9876543210"
SNAPSHOT, NEXT_SNAPSHOT = "vs_0123456789abcdef", "vs_1123456789abcdef"
IMAGE = "docker-archive:/images/tiny.tar"
Prepared = tuple[Mapping[str, Any], str, str]


def image_of(stage: Stage) -> str:
    """The image that this stage has."""
    return getattr(stage, "image", IMAGE)


def new_volume(stage: Stage) -> Volume:
    return Volume(
        id=VOLUME,
        app="web",
        name="data",
        region="lhr",
        zone="a1f0",
        size_gb=1,
        state=VolumeState.CREATING,
        encryption=stage.world.volumes.choose_encryption(True, FileSystemKind.EXT4),
        created_at=stage.world.now(),
    )


def new_machine(stage: Stage, *, argv: tuple[str, ...] = ("/bin/sleep", "1000")) -> Machine:
    config = MachineConfig(
        image=image_of(stage),
        init=Init(exec=argv),
        mounts=(Mount(volume=VOLUME, path="/data"),),
        files=(File(guest_path="/etc/app.key", secret="KEY"),),
        restart=Restart(policy=RestartPolicy.NO),
    )
    now = stage.world.now()
    return Machine(
        id=MACHINE,
        app="web",
        name="quiet-brook",
        region="lhr",
        state=MachineState.CREATING,
        instance_id="01",
        config=config,
        raw_config={"image": config.image, "unknown": {"kept": True}},
        created_at=now,
        updated_at=now,
        **_secrets(stage, 1),
    )


def _secrets(stage: Stage, version: int) -> dict[str, Any]:
    secrets = MachineSecrets(version=version, env={"PASSWORD": SECRET}, files={"KEY": base64.b64encode(b"k").decode()})
    return {"secrets_version": version, "sealed_secrets": stage.world.sealing.seal(secrets, MACHINE)}


def _volume_create(stage: Stage) -> Prepared:
    inputs = {"volume": dump(new_volume(stage)), "capacity_bytes": stage.world.volumes.capacity_bytes()}
    return inputs, f"create:{VOLUME}", VOLUME


def make_volume(stage: Stage) -> None:
    run(stage, "volume.create/1", *_volume_create(stage))


def _volume_update(stage: Stage) -> Prepared:
    make_volume(stage)
    return {"id": VOLUME, "changes": {"snapshot_retention": 9, "io_limits": {"iops": 500}}}, "update", VOLUME


def _volume_extend(stage: Stage) -> Prepared:
    make_volume(stage)
    inputs = {"id": VOLUME, "size_gb": 2, "old_size_gb": 1, "capacity_bytes": stage.world.volumes.capacity_bytes()}
    return inputs, "extend", VOLUME


def _volume_destroy(stage: Stage) -> Prepared:
    make_volume(stage)
    erase_at = stage.world.now() + timedelta(hours=24)
    return {"id": VOLUME, "erase_at": erase_at.isoformat()}, "destroy", VOLUME


def _volume_restore(stage: Stage) -> Prepared:
    run(stage, "volume.destroy/1", *_volume_destroy(stage))
    return {"id": VOLUME}, "restore", VOLUME


def _volume_erase(stage: Stage) -> Prepared:
    run(stage, "volume.destroy/1", *_volume_destroy(stage))
    return {"id": VOLUME}, "erase", VOLUME


def _snapshot_create(stage: Stage, id: str = SNAPSHOT) -> Prepared:
    if stage.world.book.find_volume(VOLUME) is None:
        make_volume(stage)
    volume = stage.world.book.get_volume(VOLUME)
    now = stage.world.now()
    snapshot = Snapshot(
        id=id,
        app="web",
        volume_name="data",
        region="lhr",
        zone="a1f0",
        origin=origin_of(volume),
        status=SnapshotStatus.WAITING,
        created_at=now,
        retention_days=5,
        due_at=now,
        expires_at=now + timedelta(days=5),
    )
    inputs = {
        "snapshot": {**dump(snapshot), "origin": None},
        "volume": VOLUME,
        "bound_bytes": stage.world.volumes.snapshot_bound(VOLUME),
        "capacity_bytes": stage.world.volumes.capacity_bytes(),
    }
    return inputs, f"snapshot:{id}", VOLUME


def _snapshot_erase(stage: Stage) -> Prepared:
    run(stage, "snapshot.create/1", *_snapshot_create(stage))
    run(stage, "snapshot.create/1", *_snapshot_create(stage, NEXT_SNAPSHOT))
    return {"id": SNAPSHOT, "volume": VOLUME}, f"erase:{SNAPSHOT}", VOLUME


def _snapshot_keep(stage: Stage) -> Prepared:
    run(stage, "snapshot.create/1", *_snapshot_create(stage))
    return {"id": SNAPSHOT, "volume": VOLUME}, f"keep:{SNAPSHOT}", SNAPSHOT


def _snapshot_forget(stage: Stage) -> Prepared:
    run(stage, "snapshot.keep/1", *_snapshot_keep(stage))
    run(stage, "snapshot.erase/1", {"id": SNAPSHOT, "volume": VOLUME}, f"erase:{SNAPSHOT}", VOLUME)
    return {"id": SNAPSHOT, "volume": VOLUME}, f"forget:{SNAPSHOT}", VOLUME


def _volume_hydrate(stage: Stage) -> Prepared:
    run(stage, "snapshot.keep/1", *_snapshot_keep(stage))
    volume = replace(new_volume(stage), id=COPY, encryption=EncryptionKind.NONE, state=VolumeState.HYDRATING)
    inputs = {
        "volume": dump(replace(volume, size_gb=2)),
        "origin": VOLUME,
        "snapshot": SNAPSHOT,
        "capacity_bytes": stage.world.volumes.capacity_bytes(),
    }
    return inputs, f"hydrate:{COPY}", COPY


def _volume_copy(stage: Stage) -> Prepared:
    run(stage, "snapshot.create/1", *_snapshot_create(stage))
    volume = replace(new_volume(stage), id=COPY, size_gb=2, state=VolumeState.RESTORING)
    inputs = {
        "volume": dump(volume),
        "origin": VOLUME,
        "snapshot": SNAPSHOT,
        "capacity_bytes": stage.world.volumes.capacity_bytes(),
    }
    return inputs, f"copy:{COPY}", COPY


def _adoption(stage: Stage, id: str, *, in_place: bool = False) -> tuple[dict[str, Any], Volume, Snapshot]:
    """A volume and its snapshot, of which the book knows nothing any more; in another pool now unless `in_place`."""
    run(stage, "snapshot.create/1", *_snapshot_create(stage))
    book = stage.world.book
    volume, snapshot = book.get_volume(VOLUME), book.find_snapshot(SNAPSHOT)
    assert snapshot is not None
    source = None if in_place else stage.move_away(VOLUME, SNAPSHOT)
    book.write(lambda writer: (writer.delete_snapshot(SNAPSHOT, "web"), writer.delete_volume(VOLUME, "web")))
    adoption = Adoption(
        id=id, source=source, wrapping_key=None, region="ams", zone="b2", at=stage.world.now() + timedelta(days=9)
    )
    inputs = {"adoption": dump(adoption), "capacity_bytes": stage.world.volumes.capacity_bytes()}
    return inputs, adopted_volume(volume, adoption, None), adopted_snapshot(snapshot, adoption, None, 0)


def _volume_adopt(stage: Stage) -> Prepared:
    inputs, volume, _snapshot = _adoption(stage, VOLUME)
    return {**inputs, "row": dump(replace(volume, state=VolumeState.CREATING))}, "adopt", VOLUME


def _volume_adopt_in_place(stage: Stage) -> Prepared:
    inputs, volume, _snapshot = _adoption(stage, VOLUME, in_place=True)
    return {**inputs, "row": dump(replace(volume, state=VolumeState.CREATING))}, "adopt", VOLUME


def _snapshot_adopt_in_place(stage: Stage) -> Prepared:
    inputs, _volume, snapshot = _adoption(stage, SNAPSHOT, in_place=True)
    return {**inputs, "row": dump(replace(snapshot, status=SnapshotStatus.WAITING))}, "adopt", VOLUME


def _snapshot_adopt(stage: Stage) -> Prepared:
    inputs, _volume, snapshot = _adoption(stage, SNAPSHOT)
    return {**inputs, "row": dump(replace(snapshot, status=SnapshotStatus.WAITING))}, "adopt", VOLUME


def _has_adopted_volume(stage: Stage) -> None:
    _has_volume(VolumeState.CREATED, region="ams", zone="b2")(stage)
    stage.world.volumes.mount(stage.world.book.get_volume(VOLUME))
    stage.world.volumes.unmount(VOLUME)


def _has_adopted_snapshot(stage: Stage) -> None:
    snapshot = stage.world.book.find_snapshot(SNAPSHOT)
    assert snapshot is not None and (snapshot.status, snapshot.region) == (SnapshotStatus.CREATED, "ams")
    assert snapshot.expires_at == snapshot.due_at + timedelta(days=5)
    assert snapshot.held_bytes == stage.world.volumes.held_bytes(SNAPSHOT, None)
    volume = replace(new_volume(stage), id=COPY, state=VolumeState.RESTORING)
    inputs = {"volume": dump(volume), "origin": VOLUME, "snapshot": SNAPSHOT, "capacity_bytes": 1 << 40}
    run(stage, "volume.copy/1", inputs, f"copy:{COPY}", COPY)
    copy = stage.world.book.get_volume(COPY)
    stage.world.volumes.mount(copy)
    stage.world.volumes.unmount(COPY)
    stage.world.volumes.erase(COPY)
    stage.world.book.write(lambda writer: writer.delete_volume(COPY, "web"))


def _has_nothing(stage: Stage) -> None:
    assert stage.world.book.find_volume(VOLUME) is None and stage.world.book.find_snapshot(SNAPSHOT) is None


def _volume_import(stage: Stage) -> Prepared:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("guest")
        member.size = 5000
        tar.addfile(member, io.BytesIO(bytes(5000)))
    stage.send(VOLUME, archive.getvalue())
    volume = replace(new_volume(stage), state=VolumeState.RESTORING)
    inputs = {"volume": dump(volume), "capacity_bytes": stage.world.volumes.capacity_bytes()}
    return inputs, f"import:{VOLUME}", VOLUME


def _has_imported(stage: Stage) -> None:
    _CREATED(stage)
    world = stage.world
    root = world.volumes.mount(world.book.get_volume(VOLUME))
    assert [entry.name for entry in world.volumes.list_folder(root, b"/").entries] == [b"guest"]
    world.volumes.unmount(VOLUME)


def _machine_create(stage: Stage) -> Prepared:
    make_volume(stage)
    inputs = {
        "machine": dump(new_machine(stage)),
        "lease": None,
        "slots": stage.world.network.slots,
        "capacity_bytes": stage.world.volumes.capacity_bytes(),
        "memory_mb": 4096,
    }
    return inputs, f"create:{MACHINE}", MACHINE


def _machine_launch(stage: Stage) -> Prepared:
    run(stage, "machine.create/1", *_machine_create(stage))
    _decide(stage, StartAsked())
    return {"machine": MACHINE, "launch": 1}, f"launch:{MACHINE}:1", MACHINE


def make_started(stage: Stage) -> None:
    run(stage, "machine.launch/1", *_machine_launch(stage))


def _machine_teardown(stage: Stage) -> Prepared:
    make_started(stage)
    stage.world.runtime.kill_all(MACHINE)
    _decide(stage, Ended(ExitStatus(code=137, signal=9, at=stage.world.now())))
    return {"machine": MACHINE, "launch": 1}, f"teardown:{MACHINE}:1", MACHINE


def _machine_update(stage: Stage) -> Prepared:
    run(stage, "machine.create/1", *_machine_create(stage))
    before = stage.world.book.get_machine(MACHINE)
    config = replace(before.config, env={"RELEASE": "2"})
    wanted = replace(before, config=config, raw_config={**before.raw_config, "env": {"RELEASE": "2"}}, instance_id="02")
    wanted = replace(wanted, **_secrets(stage, 2))
    inputs = {"machine": dump(wanted), "skip_launch": True, "current_version": "01", "memory_mb": 4096}
    return inputs, f"update:{MACHINE}:02", MACHINE


def _machine_destroy(stage: Stage) -> Prepared:
    run(stage, "machine.teardown/1", *_machine_teardown(stage))
    _decide(stage, DestroyAsked())
    return {"machine": MACHINE}, f"destroy:{MACHINE}", MACHINE


def _decide(stage: Stage, event: Any) -> None:
    stage.world.book.write(lambda writer: writer.put_machine(decide(writer.get_machine(MACHINE), event)[0]))


def _has_volume(state: VolumeState, **expected: object) -> Any:
    def holds(stage: Stage) -> None:
        volume = stage.world.book.get_volume(VOLUME)
        assert volume.state is state
        assert (volume.wrapped_key is not None) == (volume.encryption is not EncryptionKind.NONE)
        for name, value in expected.items():
            assert getattr(volume, name) == value

    return holds


def _has_no_volume(stage: Stage) -> None:
    assert stage.world.book.find_volume(VOLUME) is None


def _has_machine(state: MachineState, *, attached: bool = True, **expected: object) -> Any:
    def holds(stage: Stage) -> None:
        machine = stage.world.book.get_machine(MACHINE)
        assert machine.state is state
        for name, value in expected.items():
            assert getattr(machine, name) == value
        for table in ("machine", "operation", "step"):
            rows = stage.world.book.database.read(f"SELECT * FROM {table}", ())
            assert not [row for row in rows if SECRET in str(tuple(row))], "a secret stands in the book"
        assert stage.world.book.get_volume(VOLUME).attached_machine_id == (MACHINE if attached else None)
        assert (stage.world.runtime.find_watched_pid(MACHINE) is not None) == (state is MachineState.STARTED)

    return holds


def _is_forgotten(stage: Stage) -> None:
    """A tombstone, and of its secrets nothing, in the inputs of its operations neither."""
    _has_machine(MachineState.DESTROYED, attached=False, sealed_secrets="")(stage)
    kept = stage.world.book.database.read("SELECT inputs FROM operation WHERE subject = ?", (MACHINE,))
    assert not [row for row in kept if "sealed_secrets" in row["inputs"]]


def _has_no_machine(stage: Stage) -> None:
    try:
        stage.world.book.get_machine(MACHINE)
    except NotFound:
        assert stage.world.book.get_volume(VOLUME).attached_machine_id is None
    else:
        raise AssertionError("the machine is still there")


def _has_snapshot(status: SnapshotStatus) -> Any:
    def holds(stage: Stage) -> None:
        snapshot = stage.world.book.find_snapshot(SNAPSHOT)
        assert snapshot is not None and snapshot.status is status
        assert (snapshot.origin.wrapped_key is None) == (status is SnapshotStatus.FAILED)
        assert _key_is_only_in_its_row(stage)

    return holds


def _key_is_only_in_its_row(stage: Stage) -> bool:
    """Whoever destroys the rows destroys the key: no operation may keep it in its inputs."""
    key = stage.world.book.get_volume(VOLUME).wrapped_key
    rows = stage.world.book.database.read("SELECT inputs FROM operation WHERE name LIKE 'snapshot%'", ())
    return key is not None and not any(key in row["inputs"] for row in rows)


def _is_kept(wanted: bool) -> Any:
    def holds(stage: Stage) -> None:
        snapshot = stage.world.book.find_snapshot(SNAPSHOT)
        assert snapshot is not None and snapshot.status is SnapshotStatus.CREATED
        assert (snapshot.kept_at is not None) is wanted
        assert bool(snapshot.keep_problem) is not wanted
        assert not wanted or stage.world.kept.is_kept(VOLUME, SNAPSHOT)
        assert _key_is_only_in_its_row(stage)

    return holds


def _has_no_snapshot(stage: Stage) -> None:
    assert stage.world.book.find_snapshot(SNAPSHOT) is None
    assert not stage.world.kept.is_kept(VOLUME, SNAPSHOT)


def _has_only_the_next_snapshot(stage: Stage) -> None:
    (snapshot,) = stage.world.book.list_snapshots(VOLUME)
    assert snapshot.id == NEXT_SNAPSHOT
    assert snapshot.held_bytes == stage.world.volumes.held_bytes(NEXT_SNAPSHOT, None)


def _has_copy(stage: Stage) -> None:
    copy = stage.world.book.get_volume(COPY)
    assert (copy.state, copy.size_gb) == (VolumeState.CREATED, 2)
    stage.world.volumes.mount(copy)
    stage.world.volumes.unmount(COPY)
    _CREATED(stage)


def _has_no_copy(stage: Stage) -> None:
    assert stage.world.book.find_volume(COPY) is None
    _CREATED(stage)


_CREATED = _has_volume(VolumeState.CREATED)
_PENDING = _has_volume(VolumeState.PENDING_DESTROY)
CASES = (
    Case("volume.create/1", _volume_create, _CREATED, _has_no_volume),
    Case(
        "volume.update/1",
        _volume_update,
        _has_volume(VolumeState.CREATED, snapshot_retention=9, io_limits=IoLimits(iops=500)),
        _has_volume(VolumeState.CREATED, io_limits=IoLimits()),
    ),
    Case(
        "volume.extend/1",
        _volume_extend,
        _has_volume(VolumeState.CREATED, size_gb=2),
        _has_volume(VolumeState.CREATED, size_gb=1),
    ),
    Case("volume.destroy/1", _volume_destroy, _PENDING, _CREATED),
    Case("volume.restore/1", _volume_restore, _CREATED, _PENDING),
    Case("volume.erase/1", _volume_erase, _has_no_volume, _PENDING),
    Case("volume.copy/1", _volume_copy, _has_copy, _has_no_copy),
    Case(
        "volume.import/1",
        _volume_import,
        _has_imported,
        _has_no_volume,
        lost=f"what was to be imported into volume {VOLUME} did not come",
    ),
    Case(
        "snapshot.create/1",
        _snapshot_create,
        _has_snapshot(SnapshotStatus.CREATED),
        _has_snapshot(SnapshotStatus.FAILED),
    ),
    Case("volume.hydrate/1", _volume_hydrate, _has_copy, _has_no_copy),
    Case("snapshot.keep/1", _snapshot_keep, _is_kept(True), _is_kept(False)),
    Case("snapshot.forget/1", _snapshot_forget, _has_no_snapshot, _has_no_snapshot),
    Case("snapshot.erase/1", _snapshot_erase, _has_only_the_next_snapshot, _has_no_volume),
    Case("volume.adopt/1", _volume_adopt, _has_adopted_volume, _has_nothing),
    Case("volume.adopt/1", _volume_adopt_in_place, _has_adopted_volume, _has_nothing),
    Case("snapshot.adopt/1", _snapshot_adopt_in_place, _has_adopted_snapshot, _has_nothing),
    Case("snapshot.adopt/1", _snapshot_adopt, _has_adopted_snapshot, _has_nothing),
    Case("machine.create/1", _machine_create, _has_machine(MachineState.CREATED), _has_no_machine),
    Case("machine.launch/1", _machine_launch, _has_machine(MachineState.STARTED), _has_machine(MachineState.FAILED)),
    Case("machine.teardown/1", _machine_teardown, _has_machine(MachineState.STOPPED, torn_down=1), _has_no_machine),
    Case(
        "machine.update/1",
        _machine_update,
        _has_machine(MachineState.CREATED, instance_id="02", secrets_version=2),
        _has_machine(MachineState.CREATED, instance_id="01", secrets_version=1),
    ),
    Case("machine.destroy/1", _machine_destroy, _is_forgotten, _has_no_machine),
)


def test_every_operation_has_its_case() -> None:
    """An operation without a case would be an operation without crash tests."""
    assert {case.operation for case in CASES} == {recipe.name for recipe in RECIPES}
