"""What differs between two files by where their bytes lie: never less than what differs, and nothing that is shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caddis.kernel.fiemap import Change, Extent, changes, written_bytes

BLOCKS = st.lists(st.one_of(st.none(), st.integers(0, 6)), max_size=12)


def extents(blocks: list[int | None], cuts: list[bool]) -> list[Extent]:
    """The extents of a file of these physical blocks; neighbours joined but where there is a cut."""
    found: list[Extent] = []
    for at, block in enumerate(blocks):
        if block is None:
            continue
        last = found[-1] if found else None
        joins = last and last.logical + last.length == at and last.physical + last.length == block
        if last and joins and not cuts[at % len(cuts)]:
            found[-1] = Extent(last.logical, last.physical, last.length + 1)
        else:
            found.append(Extent(at, block, 1))
    return found


@given(BLOCKS, BLOCKS, st.lists(st.booleans(), min_size=1), st.lists(st.booleans(), min_size=1))
def test_exactly_the_blocks_that_are_not_shared_are_reported(
    older: list[int | None], newer: list[int | None], cuts: list[bool], other_cuts: list[bool]
) -> None:
    found = list(changes(extents(older, cuts), extents(newer, other_cuts)))
    length = max(len(older), len(newer))
    older, newer = older + [None] * (length - len(older)), newer + [None] * (length - len(newer))
    wanted = {at: newer[at] is not None for at in range(length) if older[at] != newer[at]}
    reported = {at: change.written for change in found for at in range(change.offset, change.offset + change.length)}
    assert reported == wanted
    assert sum(change.length for change in found) == len(reported), "no range is reported twice"


@given(BLOCKS, st.lists(st.booleans(), min_size=1))
def test_a_file_does_not_differ_from_its_clone_however_their_extents_are_cut(
    blocks: list[int | None], cuts: list[bool]
) -> None:
    assert list(changes(extents(blocks, cuts), extents(blocks, [False]))) == []


def test_neighbouring_changes_are_one() -> None:
    assert list(changes([], [Extent(0, 100, 8), Extent(8, 300, 8)])) == [Change(0, 16, True)]


def test_what_became_a_hole_has_changed() -> None:
    assert list(changes([Extent(4, 100, 8)], [])) == [Change(4, 8, False)]


def test_written_bytes_are_those_of_the_extents() -> None:
    assert written_bytes([Extent(0, 100, 8), Extent(64, 300, 4)]) == 12
