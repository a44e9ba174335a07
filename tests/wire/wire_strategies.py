"""Hypothesis strategies for what the host's book may hold: machines, volumes, events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from caddis.domain import ids
from caddis.domain.machine import Event, ExitStatus, Machine, MachineState
from caddis.domain.volume import DEFAULT_RETENTION_DAYS, EncryptionKind, FileSystemKind, Usage, Volume, VolumeState
from caddis.wire.machine_config import config_from_wire
from caddis.wire.vm_size import CPU_KINDS

entropy = st.binary(min_size=16, max_size=16)
times = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
names = st.from_regex(r"[a-z0-9_]{1,30}", fullmatch=True)
env_names = st.from_regex(r"[A-Z_][A-Z0-9_]{0,12}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | words
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
unknown_fields = st.dictionaries(words.map(lambda word: "x-" + word), anything, max_size=3)


@st.composite
def guests(draw: st.DrawFn) -> dict[str, Any]:
    """A guest object that Fly would sell."""
    kind = draw(st.sampled_from(sorted(CPU_KINDS)))
    rules = CPU_KINDS[kind]
    cpus = draw(st.sampled_from(rules.cpus))
    low, high = cpus * rules.min_memory_per_cpu, cpus * rules.max_memory_per_cpu
    steps = draw(st.integers(0, (high - low) // rules.memory_step))
    return {"cpu_kind": kind, "cpus": cpus, "memory_mb": low + steps * rules.memory_step, **draw(unknown_fields)}


@st.composite
def config_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A config document as clients send it, with fields that nobody knows."""
    document: dict[str, Any] = {"image": draw(st.sampled_from(["debian:12", "oci:/images/x:1", "ghcr.io/a/b:2"]))}
    optional = {
        "env": st.dictionaries(env_names, words, max_size=3) | st.none(),
        "guest": guests() | st.none() | st.just({}),
        "init": st.fixed_dictionaries({}, optional={"cmd": st.lists(words, max_size=2), "tty": st.booleans()}),
        "metadata": st.dictionaries(words, words, max_size=3),
        "mounts": st.lists(st.builds(dict, volume=names, path=st.just("/data"), extra=scalars), max_size=1),
        "restart": st.sampled_from([{}, {"policy": "no"}, {"policy": "always", "max_retries": 3}, None]),
        "stop_config": st.sampled_from([{}, {"timeout": "10s"}, {"signal": "SIGTERM", "timeout": 5_000_000_000}]),
        "services": st.lists(st.builds(dict, protocol=st.just("tcp"), internal_port=st.integers(1, 65535)), max_size=2),
        "schedule": st.just("daily"),
        "standbys": st.lists(words, max_size=1),
        "auto_destroy": st.booleans(),
    }
    document |= draw(st.fixed_dictionaries({}, optional=optional))
    return document | draw(unknown_fields)


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    """Any volume of a book."""
    blocks = draw(st.integers(0, 2**28))
    free = draw(st.integers(0, blocks))
    return Volume(
        id=ids.volume_id(draw(entropy)),
        app="demo",
        name=draw(names),
        region="lhr",
        zone="a1f0",
        size_gb=draw(st.integers(1, 500)),
        state=draw(st.sampled_from(VolumeState)),
        encryption=draw(st.sampled_from(EncryptionKind)),
        created_at=draw(times),
        fstype=draw(st.sampled_from(FileSystemKind)),
        attached_machine_id=draw(st.none() | entropy.map(ids.machine_id)),
        snapshot_retention=draw(st.integers(1, 60) | st.just(DEFAULT_RETENTION_DAYS)),
        auto_backup_enabled=draw(st.booleans()),
        usage=Usage(block_size=4096 if blocks else 0, blocks=blocks, blocks_free=free, blocks_avail=free),
    )


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """Any machine of a book, its config understood from its own document."""
    document = draw(config_documents())
    return Machine(
        id=ids.machine_id(draw(entropy)),
        app="demo",
        name=draw(words),
        region="lhr",
        state=draw(st.sampled_from(MachineState)),
        instance_id=ids.ulid(draw(st.integers(0, 2**47)), draw(entropy)),
        config=config_from_wire(document),
        raw_config=document,
        created_at=draw(times),
        updated_at=draw(times),
        image_digest=draw(st.sampled_from(["", "sha256:" + "0" * 64])),
        image_labels=draw(st.dictionaries(words, words, max_size=2)),
        address="fdaa::3",
        cordoned=draw(st.booleans()),
    )


exits = st.builds(
    ExitStatus,
    code=st.integers(-1, 255),
    at=times,
    signal=st.integers(0, 31),
    oom_killed=st.booleans(),
    requested=st.booleans(),
    restarting=st.booleans(),
)
events = st.builds(
    Event,
    id=words,
    type=st.sampled_from(["launch", "start", "exit", "update", "destroy"]),
    status=words,
    source=st.sampled_from(["user", "flyd"]),
    at=times,
    request=st.none(),
)
