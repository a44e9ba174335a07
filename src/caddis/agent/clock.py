"""The host's steady time: what this computer says, taken into the book's clock (domain/clock.py)."""

from __future__ import annotations

from datetime import datetime, timedelta

from caddis.agent.book import Writer
from caddis.agent.world import World
from caddis.domain.clock import Seen, advance, start_clock

_WORTH_WRITING = timedelta(seconds=10)


def steady_now(world: World) -> datetime:
    """The host's steady time; kept in the book, so that it survives the agent and the computer's reboots."""
    seen, known = world.look(), world.book.find_clock()
    clock = advance(known, seen) if known else start_clock(seen)
    if known is None or known.boot != clock.boot or clock.steady - known.steady >= _WORTH_WRITING:
        world.book.write(lambda writer: _keep(writer, seen))
    return clock.steady


def _keep(writer: Writer, seen: Seen) -> None:
    known = writer.find_clock()
    writer.put_clock(advance(known, seen) if known else start_clock(seen))
