"""Shipping and collecting keep out of each other's way: a chunk that is sent but not yet named must not be collected.

Each side writes its own lock first and only then looks for the other's; what one puts the other finds, because stores
are strongly consistent. So at least one of the two sees the other, and gives way with a Conflict. A host takes its
locks from one process at a time, its agent. Those of other hosts are never broken here: a host that is lost for good
is named to `break_locks_of`.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from caddis.backups.objects import Objects, StoreFailed
from caddis.backups.store import KeptStore
from caddis.domain.errors import Conflict, Problem
from caddis.kernel.process import find_stat, is_running
from caddis.telemetry.log import note
from caddis.telemetry.seam import seam

LOCKS = "locks"
_COLLECT = f"{LOCKS}/collect"
_taking = threading.RLock()  # entered again by the thread that is in it where a test interferes
_held: set[str] = set()  # nonces of the locks that this process holds


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds it: this very process (its pid comes round again, with boot and start it does not)."""

    host: str
    boot: str
    pid: int
    started: int
    nonce: str


@contextmanager
def shipping(store: KeptStore, snapshot_id: str) -> Iterator[None]:
    """Nothing is collected in this block. Conflict while a collection, or a shipping of this snapshot, is under way."""
    name = f"{LOCKS}/ship-{store.host.lower()}-{snapshot_id}"
    with _held_lock(store, name, f"snapshot {snapshot_id} is being shipped already"):
        seam("backups.ship/lock:after put")
        if _blocks(store, _COLLECT):
            raise Conflict(f"the store {store.objects.where} is being collected", hint="try again in a minute")
        yield


@contextmanager
def collecting(store: KeptStore) -> Iterator[None]:
    """Nothing is shipped in this block. Conflict while any host is shipping or collecting."""
    with _held_lock(store, _COLLECT, f"the store {store.objects.where} is being collected already"):
        seam("backups.collect/lock:after put")
        for stored in list(store.objects.list_objects(LOCKS)):
            if stored.name != _COLLECT and _blocks(store, stored.name):
                raise Conflict(
                    f"a snapshot is being shipped to the store {store.objects.where} ({stored.name})",
                    hint="try again later; if that host is lost for good, break its locks",
                )
        yield


def break_locks_of(store: KeptStore, host: str) -> list[str]:
    """Remove every lock of a host that is lost for good; their names. If it ships after all, chunks may be lost."""
    broken = []
    for stored in list(store.objects.list_objects(LOCKS)):
        lock = _find(store.objects, stored.name)
        if lock is not None and lock.host == host:
            store.objects.delete(stored.name)
            broken.append(stored.name)
    note("locks of a lost host broken", host=host, locks=len(broken))
    return broken


@contextmanager
def _held_lock(store: KeptStore, name: str, taken: str) -> Iterator[None]:
    lock = _own_lock(store.host)
    try:
        with _taking:  # two threads must not both find the same lock stale
            _blocks(store, name)  # what a dead process of this host left goes
            _held.add(lock.nonce)
            content = msgspec.json.encode(lock)
            # where the answer to our own put was lost, its repetition finds the name taken by ourselves
            if not store.objects.put_new(name, content) and _find(store.objects, name) != lock:
                raise Conflict(taken, hint="try again in a minute")
        try:
            yield
        finally:
            _release(store, name)
    finally:
        _held.discard(lock.nonce)  # from here on it counts as stale, should it still be there


def _release(store: KeptStore, name: str) -> None:
    """A store that fails now must not turn finished work into a failure: the lock is stale, and taken over later."""
    try:
        store.objects.delete(name)
    except Problem as failed:
        note("a lock stays behind in the store", lock=name, reason=failed.message)


def _blocks(store: KeptStore, name: str) -> bool:
    """Whether there is such a lock of somebody alive. A stale one of this host is removed."""
    lock = _find(store.objects, name)
    if lock is None:
        return False
    if lock.host != store.host or _is_alive(lock):
        return True
    store.objects.delete(name)
    note("stale lock removed", lock=name)
    return False


def _is_alive(lock: Lock) -> bool:
    """Of a lock of this host."""
    if lock.boot != _boot_id():
        return False
    if lock.pid == os.getpid():
        return lock.nonce in _held
    return is_running(lock.pid, lock.started)


def _find(objects: Objects, name: str) -> Lock | None:
    content = objects.find(name)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Lock)
    except msgspec.DecodeError:
        raise StoreFailed(f"the lock {name} in the store {objects.where} cannot be read", hint="remove it") from None


def _own_lock(host: str) -> Lock:
    stat = find_stat(os.getpid())
    return Lock(
        host=host,
        boot=_boot_id(),
        pid=os.getpid(),
        started=stat.started if stat else 0,
        nonce=secrets.token_hex(16),
    )


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
