"""The recipes: long work as steps, each calling one trade. One operation, one file; `RECIPES` is the whole list.

Inputs name everything that is made; `reserve`, `finish` and `abandon` change the book in the journal's own transaction.
"""

from __future__ import annotations

from caddis.agent.operations.machine_create import MACHINE_CREATE
from caddis.agent.operations.machine_destroy import MACHINE_DESTROY
from caddis.agent.operations.machine_launch import MACHINE_LAUNCH
from caddis.agent.operations.machine_teardown import MACHINE_TEARDOWN
from caddis.agent.operations.machine_update import MACHINE_UPDATE
from caddis.agent.operations.snapshot_create import SNAPSHOT_CREATE
from caddis.agent.operations.snapshot_erase import SNAPSHOT_ERASE
from caddis.agent.operations.snapshot_forget import SNAPSHOT_FORGET
from caddis.agent.operations.snapshot_keep import SNAPSHOT_KEEP
from caddis.agent.operations.volume_adopt import SNAPSHOT_ADOPT, VOLUME_ADOPT
from caddis.agent.operations.volume_copy import VOLUME_COPY
from caddis.agent.operations.volume_create import VOLUME_CREATE
from caddis.agent.operations.volume_destroy import VOLUME_DESTROY
from caddis.agent.operations.volume_erase import VOLUME_ERASE
from caddis.agent.operations.volume_extend import VOLUME_EXTEND
from caddis.agent.operations.volume_hydrate import VOLUME_HYDRATE
from caddis.agent.operations.volume_import import VOLUME_IMPORT
from caddis.agent.operations.volume_restore import VOLUME_RESTORE
from caddis.agent.operations.volume_update import VOLUME_UPDATE
from caddis.agent.world import World
from caddis.journal.operation import Operation

RECIPES: tuple[Operation[World], ...] = (
    VOLUME_CREATE,
    VOLUME_COPY,
    VOLUME_HYDRATE,
    VOLUME_IMPORT,
    VOLUME_UPDATE,
    VOLUME_EXTEND,
    VOLUME_DESTROY,
    VOLUME_RESTORE,
    VOLUME_ERASE,
    SNAPSHOT_CREATE,
    SNAPSHOT_KEEP,
    SNAPSHOT_ERASE,
    SNAPSHOT_FORGET,
    VOLUME_ADOPT,
    SNAPSHOT_ADOPT,
    MACHINE_CREATE,
    MACHINE_LAUNCH,
    MACHINE_TEARDOWN,
    MACHINE_UPDATE,
    MACHINE_DESTROY,
)
