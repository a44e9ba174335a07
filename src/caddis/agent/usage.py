"""How full volumes are, for lists: taken into the book when it has changed by a hundredth."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from caddis.agent.book import Writer
from caddis.agent.world import World
from caddis.domain.volume import Usage, Volume


def note_usage(world: World) -> None:
    """Look at every mounted volume once."""
    for volume in world.book.list_volumes():
        usage = world.volumes.observe_usage(volume.id)
        if usage is not None and has_moved(volume, usage):
            world.book.write(partial(_keep, id=volume.id, usage=usage))


def has_moved(volume: Volume, usage: Usage) -> bool:
    """Whether lists would show something else. Pure."""
    hundredth = max(1, usage.blocks // 100)
    return usage.blocks != volume.usage.blocks or abs(usage.blocks_free - volume.usage.blocks_free) >= hundredth


def _keep(writer: Writer, *, id: str, usage: Usage) -> None:
    volume = writer.find_volume(id)
    if volume is not None:
        writer.put_volume(replace(volume, usage=usage))
