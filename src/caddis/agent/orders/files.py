"""Orders about files: reading those of a snapshot, and exporting all of a volume, through views that go at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from caddis.agent.book import Writer
from caddis.agent.supervisor import Supervisor
from caddis.agent.threads import in_thread
from caddis.domain.errors import Conflict, Invalid, NoCapacity, NotFound
from caddis.domain.files import ExportFormat, FileInfo
from caddis.domain.ids import volume_id
from caddis.domain.sizes import MIB, format_bytes
from caddis.domain.snapshot import Origin, check_restorable, check_snappable, origin_of
from caddis.domain.volume import FileSystemKind
from caddis.wire.file import listing_to_wire, name_from_wire

_IMAGE_EXTRA = 128 * MIB  # what an ext4 image takes beside its files
_FORMATS = ", ".join(ExportFormat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A stream that is ready to be sent; `close` gives everything back that it needs."""

    parts: Iterator[bytes]
    close: Callable[[], Awaitable[None]]
    headers: Mapping[str, str] = field(default_factory=dict)


class FileOrders:
    """`app` is the app on whose behalf control asks; another app's snapshot or volume is not found."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._world = supervisor.world

    async def list(self, snapshot: str, app: str, path: str) -> dict[str, Any]:
        """What a folder of the snapshot holds, or the one file."""
        view, root = await self._look_into(snapshot, app)
        try:
            listing = await in_thread(self._world.volumes.list_folder, root, name_from_wire(path))
        finally:
            await in_thread(self._world.volumes.close_view, view)
        return listing_to_wire(listing, path)

    async def read(self, snapshot: str, app: str, path: str) -> Outgoing:
        """The content of one file."""

        def open_file(root: str) -> tuple[Iterator[bytes], dict[str, str]]:
            info, parts = self._world.volumes.read_file(root, name_from_wire(path))
            return parts, _about(info)

        return await self._send(snapshot, app, open_file)

    async def archive(self, snapshot: str, app: str, path: str) -> Outgoing:
        """A folder as a tar."""
        return await self._send(
            snapshot, app, lambda root: (self._world.volumes.pack_folder(root, name_from_wire(path)), {})
        )

    async def _send(
        self, snapshot: str, app: str, open_parts: Callable[[str], tuple[Iterator[bytes], dict[str, str]]]
    ) -> Outgoing:
        view, root = await self._look_into(snapshot, app)

        async def close() -> None:
            await in_thread(self._world.volumes.close_view, view)

        try:
            parts, headers = await in_thread(open_parts, root)
        except BaseException:
            await close()
            raise
        return Outgoing(parts=parts, close=close, headers=headers)

    async def _look_into(self, id: str, app: str) -> tuple[str, str]:
        snapshot = await in_thread(self._world.book.find_snapshot, id)
        if snapshot is None or snapshot.app != app:
            raise NotFound(f"snapshot {id} not found: it never was, or it has expired")
        check_restorable(snapshot, snapshot.origin.size_gb)
        if snapshot.origin.fstype is FileSystemKind.RAW:
            raise Conflict(
                f"snapshot {id} is of a raw volume, which has no files that Caddis could read",
                hint=f"fly volumes create {snapshot.volume_name} --snapshot-id {id} -a {app}",
            )
        if not snapshot.is_local:
            raise Conflict(
                f"snapshot {id} is only kept off its host by now, where its files cannot be read one by one",
                hint=f"fly volumes create {snapshot.volume_name} --snapshot-id {id} -a {app}",
            )
        view = self._name_view()
        return view, await in_thread(self._world.volumes.open_view, view, snapshot.origin, id)

    async def export(self, id: str, app: str, format: str) -> Outgoing:
        """All of the volume as it is at one instant, as one zstd stream."""
        if format not in tuple(ExportFormat):
            raise Invalid(f"format {format!r} is not one of {_FORMATS}", field="format")
        volume = await in_thread(self._world.book.get_volume, id, app)
        check_snappable(volume)
        wanted = ExportFormat(format)
        if volume.fstype is FileSystemKind.RAW and wanted is ExportFormat.TAR:
            raise Conflict(f"volume {id} is raw: it has no files to put into a tar", hint="export it without --tar")
        view = self._name_view()

        async def close() -> None:
            try:
                await in_thread(self._world.volumes.close_view, view)
            finally:
                await in_thread(self._world.book.write, lambda writer: writer.delete_hold(view))

        origin = origin_of(volume)
        await in_thread(self._hold, view, origin, wanted)
        try:
            async with self._supervisor.exclusively(id):
                check_snappable(await in_thread(self._world.book.get_volume, id, app))
                root = await in_thread(self._world.volumes.open_view, view, origin, None)
            parts = await in_thread(self._world.volumes.export, view, origin, root, wanted)
        except BaseException:
            await close()
            raise
        return Outgoing(parts=parts, close=close, headers={"caddis-volume-name": volume.name})

    def _hold(self, view: str, origin: Origin, format: ExportFormat) -> None:
        """Promise what the clone may come to hold while the volume is written to, and an image beside it."""
        bound = self._world.volumes.snapshot_bound(origin.volume_id)
        is_image = format is ExportFormat.IMAGE and origin.fstype is not FileSystemKind.RAW
        if is_image:
            bound += bound + _IMAGE_EXTRA
        capacity = self._world.volumes.capacity_bytes()

        def work(writer: Writer) -> None:
            free = capacity - writer.promised().pool_bytes
            if bound > free:
                raise no_room_to_export(origin.volume_id, max(0, free), bound, as_image=is_image)
            writer.put_hold(view, bound)

        self._world.book.write(work)

    def _name_view(self) -> str:
        return "view-" + volume_id(self._world.entropy()).removeprefix("vol_")


def _about(info: FileInfo) -> dict[str, str]:
    return {"caddis-size": str(info.size), "caddis-mode": f"{info.mode:04o}"}


def no_room_to_export(volume: str, free: int, bound: int, *, as_image: bool) -> NoCapacity:
    """What is said when the pool has `free` bytes and the export asks for `bound`."""
    tar = "export it as a tar, which takes less, or " if as_image else ""
    return NoCapacity(
        f"this host's pool has {format_bytes(free)} left, and exporting volume {volume} may take {format_bytes(bound)}"
        " while it lasts",
        hint=f"{tar}destroy volumes that are not needed (--erase), or give the host a larger pool",
    )
