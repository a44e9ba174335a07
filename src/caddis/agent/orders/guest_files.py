"""Orders about the files of running machines."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio

from caddis.agent.orders.files import Outgoing
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.errors import Conflict, Invalid
from caddis.domain.machine import MachineState
from caddis.machines import guest_files
from caddis.wire.file import listing_to_wire, name_from_wire

Write = Callable[[bytes], Awaitable[None]]


class GuestFileOrders:
    """`app` is the app on whose behalf control asks; another app's machine is not found."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._world = supervisor.world

    async def list(self, id: str, app: str, path: str) -> dict[str, Any]:
        """What a folder holds, or the one file."""
        root = await self._enter(id, app)
        try:
            listing = await in_thread(guest_files.list_folder, root, name_from_wire(path))
        finally:
            os.close(root)
        return listing_to_wire(listing, path)

    async def open(self, id: str, app: str, path: str, wanted: str) -> Outgoing:
        """The content of a file, a folder as a tar, or the names of all that is below it, as `wanted` says."""
        name = name_from_wire(path)
        headers: dict[str, str] = {}

        def open_parts(root: int) -> Iterator[bytes]:
            if wanted == "tar":
                return guest_files.pack_folder(root, name)
            if wanted == "names":
                return guest_files.list_names(root, name)
            info, parts = guest_files.read_file(root, name)
            headers.update({"caddis-size": str(info.size), "caddis-mode": f"{info.mode:04o}"})
            return parts

        root = await self._enter(id, app)

        async def close() -> None:
            os.close(root)

        try:
            parts = await in_thread(open_parts, root)
        except BaseException:
            await close()
            raise
        return Outgoing(parts=parts, close=close, headers=headers)

    def receive(self, id: str, app: str, path: str) -> Callable[[str, str], AbstractAsyncContextManager[Write]]:
        """A new file of that mode and user, that is there once the block has ended well."""

        @asynccontextmanager
        async def receiving(mode: str, user: str) -> AsyncIterator[Write]:
            number = _parse_mode(mode)
            root = await self._enter(id, app)
            try:
                account = await in_thread(self._world.runtime.find_account, id, user)
                owner = (account.uid, account.gid)
                new = await in_thread(guest_files.NewFile, root, name_from_wire(path), mode=number, owner=owner)
            finally:
                os.close(root)

            async def write(data: bytes) -> None:
                await in_thread(new.write, data)

            try:
                yield write
                await in_thread(new.finish)
            finally:
                with anyio.CancelScope(shield=True):
                    await in_thread(new.close)

        return receiving

    async def _enter(self, id: str, app: str) -> int:
        machine = await in_thread(self._world.book.get_machine, id, app)
        if machine.state not in (MachineState.STARTED, MachineState.STOPPING):
            raise Conflict(f"machine {id} is {machine.state}, not started", hint=f"fly machine start {id}")
        return await in_thread(self._world.runtime.open_root, id)


def _parse_mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise Invalid(f"mode {text!r} is not one like 0644", field="mode")
    return mode
