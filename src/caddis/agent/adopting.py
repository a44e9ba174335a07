"""`caddis pool adopt`: the agent's one-shot mode that takes over what another host's pool holds.

It runs while no other agent serves the host (machines run on): nobody else writes to the book, and what is adopted is
reported to the API when the agent is next started. Each thing is an operation of its own; the next agent finishes or
undoes one that was cut short. Tells what it did on stdout, a line of JSON for each thing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from caddis.agent.clock import steady_now
from caddis.agent.open_world import OpenWorld, open_world
from caddis.agent.operations import RECIPES
from caddis.agent.operations.common import dump
from caddis.agent.options import Options
from caddis.agent.world import World
from caddis.domain.adoption import Adoption, adopted_snapshot, adopted_volume, check_adoptable
from caddis.domain.errors import Conflict, NotFound, Problem
from caddis.domain.ids import ulid
from caddis.domain.snapshot import Snapshot, SnapshotStatus
from caddis.domain.volume import Volume, VolumeState
from caddis.journal.journal import Journal
from caddis.volumes.sources import Finding, image_path, opened_source

OWN = "own"  # instead of a place: what lies in this host's pool and its book knows nothing of


def adopt(options: Options) -> None:
    """All that is wanted of the pool at `options.adopt`, or without `options.yes` only a look at it."""
    opened = open_world(options)
    try:
        journal = Journal(opened.world.book.database, RECIPES)
        with _opened_pool(opened, options) as root:
            work = _Adopting(opened, journal, options, root)
            wanted = set(options.adopt_only)
            for finding in sorted(opened.store.inspect(root, options.wrapping_key), key=_age):
                if not options.adopt_only or work.is_wanted(finding):
                    wanted.discard(finding.id)
                    print(json.dumps(work.take(finding)), flush=True)  # noqa: T201  stdout is for whoever asked
        for id in sorted(wanted):
            print(json.dumps(_told(id, "left", NotFound(f"{id} is not in that pool"))), flush=True)  # noqa: T201
    finally:
        opened.close()


@contextmanager
def _opened_pool(opened: OpenWorld, options: Options) -> Iterator[Path]:
    if options.adopt == OWN:
        yield opened.store.pool.root
        return
    with opened_source(Path(options.adopt or ""), options.run) as root:
        yield root


def _age(finding: Finding) -> tuple[bool, float, str]:
    """Volumes first, then snapshots, oldest first: in this order the book lists them."""
    thing = finding.thing
    taken = thing.created_at.timestamp() if isinstance(thing, Snapshot) else 0.0
    return isinstance(thing, Snapshot), taken, finding.id


class _Adopting:
    """One pool to adopt from."""

    def __init__(self, opened: OpenWorld, journal: Journal[World], options: Options, root: Path) -> None:
        self._opened, self._world, self._journal = opened, opened.world, journal
        self._options, self._root, self._in_place = options, root, options.adopt == OWN
        self._at: datetime = steady_now(opened.world)

    def is_wanted(self, finding: Finding) -> bool:
        """Whether it was named, or is a snapshot of a volume that was."""
        of = finding.thing.volume_id if isinstance(finding.thing, Snapshot) else finding.id
        return of in self._options.adopt_only

    def take(self, finding: Finding) -> dict[str, Any]:
        """Take it over, and tell how that went; what is not whole, not ours to take or known is left alone."""
        thing, book = finding.thing, self._world.book
        if thing is None:
            return _told(finding.id, "left", finding.problem)
        known = book.find_volume(thing.id) if isinstance(thing, Volume) else book.find_snapshot(thing.id)
        if known is not None:
            return {**_told(thing.id, "known", None), **_described(thing)}
        try:
            check_adoptable(thing, named=thing.id in self._options.adopt_only)
            if not self._in_place and self._opened.store.holds(thing.id):
                raise Conflict(f"this host's pool has a {thing.id} already, of which its book knows nothing")
            if self._options.yes:
                self._operate(thing)
        except Problem as problem:
            return {**_told(thing.id, "left", problem), **_described(thing)}
        return {**_told(thing.id, "adopted" if self._options.yes else "can be adopted", None), **_described(thing)}

    def _operate(self, thing: Volume | Snapshot) -> None:
        world = self._world
        adoption = Adoption(
            id=thing.id,
            source=None if self._in_place else str(self._root),
            wrapping_key=self._options.wrapping_key,
            region=world.region,
            zone=world.zone,
            at=self._at,
            older=self._find_older(thing) if isinstance(thing, Snapshot) and self._in_place else None,
        )
        row: Volume | Snapshot
        if isinstance(thing, Volume):
            name, subject = "volume.adopt/1", thing.id
            row = replace(adopted_volume(thing, adoption, None), state=VolumeState.CREATING)
        else:
            name, subject = "snapshot.adopt/1", thing.volume_id
            bound = image_path(self._root, "snapshots", thing.id).stat().st_blocks * 512
            row = replace(adopted_snapshot(thing, adoption, None, bound), status=SnapshotStatus.WAITING)
        inputs = {"adoption": dump(adoption), "row": dump(row), "capacity_bytes": world.volumes.capacity_bytes()}
        id = ulid(int(world.now().timestamp() * 1000), world.entropy())
        self._journal.begin(name, inputs, id=id, subject=subject)
        self._journal.walk(id, world)

    def _find_older(self, snapshot: Snapshot) -> str | None:
        before = self._world.book.list_snapshots(snapshot.volume_id)
        return before[-1].id if before else None


def _told(id: str, outcome: str, problem: Problem | None) -> dict[str, Any]:
    return {
        "id": id,
        "outcome": outcome,
        "why": problem.message if problem else "",
        "hint": (problem.hint or "") if problem else "",
    }


def _described(thing: Volume | Snapshot) -> dict[str, Any]:
    if isinstance(thing, Volume):
        return {"app": thing.app, "what": f"volume {thing.name} of app {thing.app}, {thing.size_gb} GB"}
    return {"app": thing.app, "what": f"snapshot of {thing.volume_id} of app {thing.app}, {thing.created_at:%Y-%m-%d}"}
