"""One run of the power-cut test: record a guest at work, cut its power at many places, and look what each cut left.

    run = cut_power(guest, "nested", 4096, folder)
    for cut in run.cuts: cut.problems, cut.lost

A killed qemu proves nothing: this computer's page cache survives it. So the disk is rebuilt from the log of block
writes as it would be after a real cut (vm/blocklog.py). Two controls must lose data, or the test is void: records that
the same guest wrote beside the others without fsync, and a disk that lied about its flushes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vm.blocklog import Cut, Entry, Replay, choose_cut, read_entries
from vm.disks import Mark, make_disk, read_marks
from vm.guest import Disk, Guest

KINDS = ("luks", "fscrypt", "none")
LIAR = "a disk that lied"
_LETTERS = "defghijklmnopqrst"
_TRIES = 40  # for a place where something is under way
_DEADLINE = 1200.0  # seconds: only what hangs may reach it
_LIE = 0.4  # of the log: how much the lying disk had not written, whatever it said


@dataclass(frozen=True)
class Looked:
    """One cut, and what the next boot found."""

    name: str
    cut: Cut
    done: Sequence[Mark]  # what the guest had done by then
    found: dict[str, Any]

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it must be."""
        if "problem" in self.found:
            return [str(self.found["problem"])]
        problems = [*self.found["dirty"], *(f"left over: {path}" for path in self.found["left over"])]
        for kind in KINDS:
            problems += _judge_volume(kind, self.done, self.found)
            problems += _judge_snapshot(kind, self.done, self.found)
        return problems

    @property
    def loose_lost(self) -> int:
        """Records written without fsync that are gone."""
        there = self.found.get("volumes", {})
        return sum(max(0, _last(self.done, "loose", kind) - there[kind]["loose"]) for kind in KINDS if kind in there)

    def __str__(self) -> str:
        return (
            f"{self.name}: after {self.cut.at} entries, {self.cut.flushed} flushed, {self.cut.dropped} writes dropped"
        )


@dataclass(frozen=True)
class Run:
    """All cuts of one recorded guest; `liar` is the disk that lied."""

    cuts: list[Looked]
    liar: Looked
    rounds: int  # of counted writes, each to a volume of every kind


def cut_power(guest: Guest, pool: str, block_size: int, folder: Path, *, seed: int) -> Run:
    """Record, cut, look. Everything of it goes again from `folder`."""
    disk, log = folder / "disk", folder / "log"
    arguments = f"{pool} {block_size}"
    with _files(disk, log):
        make_disk(disk)
        outcome = guest.do(f"python3 -m vm.inside.writer {arguments}", disks=[Disk(disk, log=log)], deadline=_DEADLINE)
        assert outcome.status == 0, f"the writer failed:\n{outcome}"
        entries = read_entries(log)
        marks = read_marks(log, entries)
        assert marks and marks[-1].what == "end", "the log does not go to the end"
        planned = plan_cuts(entries, marks, seed)
        liar = choose_cut(entries, len(entries), seed, flushed=int(len(entries) * (1 - _LIE)))
        make_disk(disk)
        with ExitStack() as built:
            disks = _build(Replay(log, entries, disk), [*planned, (LIAR, liar)], folder, built)
            return _look(guest, arguments, marks, disks)


def plan_cuts(entries: Sequence[Entry], marks: Sequence[Mark], seed: int) -> list[tuple[str, Cut]]:
    """Where the power goes: among plain writes, in snapshots and extensions, and right after seams of the journal."""
    chance = random.Random(seed)
    spans: list[tuple[str, int, int]] = []
    begun = [mark for mark in marks if mark.what in ("snapshot begun", "extension begun")]
    for start in begun:
        end = next(mark for mark in marks if mark.at > start.at and mark.what in ("snapshot done", "extended"))
        spans.append((f"{start.what.split()[0]} of {start.facts['kind']}", start.at, end.at))
    first = next(mark.at for mark in marks if mark.what == "kept")
    spans += [(f"writes {number}", first, len(entries)) for number in (1, 2)]
    cuts = [(name, _cut_between(entries, start, end, chance)) for name, start, end in spans]
    seams = [mark for mark in marks if mark.what == "seam" and "/" in mark.facts["name"]]
    for mark in chance.sample(seams, 3):
        cuts.append((f"seam {mark.facts['name']}", choose_cut(entries, mark.at, chance.randrange(1 << 30))))
    return sorted(cuts, key=lambda each: each[1].flushed)


def _cut_between(entries: Sequence[Entry], start: int, end: int, chance: random.Random) -> Cut:
    """Somewhere there, and if it can be where the cut takes something away."""
    cut = choose_cut(entries, end, 0)
    for _ in range(_TRIES):
        cut = choose_cut(entries, chance.randrange(start, end), chance.randrange(1 << 30))
        if cut.dropped:
            break
    return cut


def _build(
    replay: Replay, planned: Sequence[tuple[str, Cut]], folder: Path, built: ExitStack
) -> list[tuple[str, Cut, Path]]:
    """The disks as the cuts left them; the liar last, because nobody knows what it does to whoever opens it."""
    disks = []
    for number, (name, cut) in enumerate(sorted(planned, key=lambda each: each[1].flushed)):
        path = folder / f"cut-{number}"
        built.enter_context(_files(path))
        replay.build(cut, path)
        disks.append((name, cut, path))
    return sorted(disks, key=lambda each: each[0] == LIAR)


def _look(guest: Guest, arguments: str, marks: Sequence[Mark], disks: Sequence[tuple[str, Cut, Path]]) -> Run:
    words = [f"/dev/vd{letter}{_inside(name)}" for letter, (name, _, _) in zip(_LETTERS, disks, strict=False)]
    job = f"python3 -m vm.inside.checker {arguments} {' '.join(words)}"
    outcome = guest.do(job, disks=[Disk(path) for _, _, path in disks], deadline=_DEADLINE)
    lines = [json.loads(line) for line in outcome.output.splitlines() if line.startswith("{")]
    assert outcome.status == 0 and len(lines) == len(disks), f"the checker failed:\n{outcome}"
    looked = [
        Looked(name, cut, [mark for mark in marks if mark.at <= cut.at], found)
        for (name, cut, _), found in zip(disks, lines, strict=True)
    ]
    return Run(cuts=looked[:-1], liar=looked[-1], rounds=_last(marks, "kept", "none"))


def _inside(name: str) -> str:
    """After a cut during an extension, the snapshot taken just before it is looked into."""
    return f"={name.removeprefix('extension of ')}" if name.startswith("extension of ") else ""


def _judge_volume(kind: str, done: Sequence[Mark], found: dict[str, Any]) -> Iterator[str]:
    volume = found["volumes"].get(kind)
    if volume is None:
        if _has(done, "created", kind):
            yield f"the {kind} volume is gone"
        return
    if volume["state"] != "created":
        yield f"the {kind} volume is {volume['state']}"
    if _has(done, "extended", kind) and (volume["size_gb"], volume["bytes"] >> 20) < (2, 1900):
        yield f"the {kind} volume was extended, and is not: {volume}"
    acknowledged = _last(done, "kept", kind)
    if not acknowledged <= volume["kept"] <= acknowledged + 1:
        yield f"the {kind} volume has {volume['kept']} records; {acknowledged} were acknowledged"


def _judge_snapshot(kind: str, done: Sequence[Mark], found: dict[str, Any]) -> Iterator[str]:
    snapshot = found["snapshots"].get(kind)
    if snapshot is None:
        if _has(done, "snapshot done", kind):
            yield f"the snapshot of the {kind} volume is gone"
        return
    if not snapshot:  # it is there; nobody looked inside
        return
    begun = next((mark.at for mark in done if mark.what == "snapshot begun" and mark.facts["kind"] == kind), None)
    ended = next((mark.at for mark in done if mark.what == "snapshot done" and mark.facts["kind"] == kind), None)
    if begun is None:
        yield f"there is a snapshot of the {kind} volume that nobody began"
        return
    before = _last([mark for mark in done if mark.at <= begun], "kept", kind)
    until = _last([mark for mark in done if ended is None or mark.at <= ended], "kept", kind)
    if not before <= snapshot["kept"] <= until + 1:
        yield f"the snapshot of the {kind} volume has {snapshot['kept']} records, not {before} to {until + 1}"


def _has(done: Sequence[Mark], what: str, kind: str) -> bool:
    return any(mark.what == what and mark.facts["kind"] == kind for mark in done)


def _last(done: Sequence[Mark], what: str, kind: str) -> int:
    numbers = [mark.facts["number"] for mark in done if mark.what == what and mark.facts["kind"] == kind]
    return int(numbers[-1]) if numbers else 0


@contextmanager
def _files(*paths: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
