"""volume.create: reserve space, make the key, allocate, format, write the record. Undone, nothing is left."""

from __future__ import annotations

from caddis.agent.operations.new_volume import (
    abandon_volume,
    allocate_volume,
    erase_volume,
    finish_volume,
    made_volume,
    make_key,
    reserve_volume,
)
from caddis.agent.world import World
from caddis.journal.operation import Operation, Step

VOLUME_CREATE: Operation[World] = Operation(
    name="volume.create/1",
    reserve=reserve_volume,
    steps=(
        Step("key", make_key),
        Step("allocate", allocate_volume, erase_volume),
        Step("format", lambda context: context.world.volumes.format(made_volume(context)), erase_volume),
        Step("record", lambda context: context.world.volumes.write_record(made_volume(context)), erase_volume),
    ),
    finish=finish_volume,
    abandon=abandon_volume,
)
