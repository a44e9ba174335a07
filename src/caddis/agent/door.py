"""The agent's HTTP door: decodes, asks the orders, encodes. It listens on a Unix socket that only root can open.

The public API passes requests through unchanged, so paths, bodies and answers are Fly's (facts: machines-api); `?app=`
names the app on whose behalf it asks, and `caddis-sequence` in an answer is the report that tells of the change.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from caddis.agent.builds import build
from caddis.agent.door_files import FileDoor
from caddis.agent.door_streams import StreamDoor
from caddis.agent.orders.files import FileOrders
from caddis.agent.orders.guest_files import GuestFileOrders
from caddis.agent.orders.imports import ImportOrders
from caddis.agent.orders.inside import InsideOrders
from caddis.agent.orders.leases import LeaseOrders
from caddis.agent.orders.machines import MachineOrders
from caddis.agent.orders.sessions import SessionOrders
from caddis.agent.orders.snapshots import SnapshotOrders
from caddis.agent.orders.volumes import VolumeOrders
from caddis.agent.present import Presenter
from caddis.agent.threads import in_thread
from caddis.domain.errors import Problem
from caddis.domain.ids import check_app_name
from caddis.domain.image import check_reference
from caddis.telemetry.log import note_bug
from caddis.wire import machine_request as decode
from caddis.wire.body import document_from_body
from caddis.wire.logs import log_page_to_wire
from caddis.wire.machine import (
    OK,
    event_to_wire,
    exec_to_wire,
    lease_released_to_wire,
    lease_to_wire,
    ps_to_wire,
    versions_to_wire,
    wait_to_wire,
)
from caddis.wire.problem import problem_to_wire

NONCE = "fly-machine-lease-nonce"
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """All that an agent takes orders about."""

    volumes: VolumeOrders
    snapshots: SnapshotOrders
    machines: MachineOrders
    inside: InsideOrders
    files: FileOrders
    imports: ImportOrders
    sessions: SessionOrders
    guest_files: GuestFileOrders


class Door:
    """The routes of one agent."""

    def __init__(self, presenter: Presenter, orders: Orders) -> None:
        self._presenter = presenter
        self._book = presenter.book
        self._volumes = orders.volumes
        self._snapshots = orders.snapshots
        self._machines = orders.machines
        self._inside = orders.inside
        self._files = FileDoor(orders.files, orders.imports, self._answer)
        self._streams = StreamDoor(orders.sessions, orders.guest_files)
        self._leases = LeaseOrders(presenter.world)

    def application(self) -> Starlette:
        """The ASGI application."""
        one = "/machines/{id}"
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/capacity", self._capacity),
            ("GET", "/logs", self._logs),
            ("POST", "/builds", self._build),
            ("POST", "/images", self._ensure_image),
            ("PUT", "/images/kept", self._keep_images),
            ("GET", "/volumes", self._list_volumes),
            ("POST", "/volumes", self._create_volume),
            ("GET", "/volumes/{id}", self._get_volume),
            ("PUT", "/volumes/{id}", self._update_volume),
            ("PUT", "/volumes/{id}/extend", self._extend_volume),
            ("DELETE", "/volumes/{id}", self._destroy_volume),
            ("POST", "/volumes/{id}/restore", self._restore_volume),
            ("GET", "/volumes/{id}/snapshots", self._list_snapshots),
            ("POST", "/volumes/{id}/snapshots", self._create_snapshot),
            *self._files.routes(),
            *self._streams.routes(),
            ("GET", "/machines", self._list_machines),
            ("POST", "/machines", self._create_machine),
            ("GET", one, self._get_machine),
            ("POST", one, self._leased(self._update_machine)),
            ("DELETE", one, self._leased(self._destroy_machine)),
            ("POST", one + "/start", self._leased(self._start)),
            ("POST", one + "/stop", self._leased(self._stop)),
            ("POST", one + "/restart", self._leased(self._restart)),
            ("POST", one + "/cordon", self._leased(self._cordon)),
            ("POST", one + "/uncordon", self._leased(self._cordon)),
            ("POST", one + "/signal", self._signal),
            ("POST", one + "/exec", self._exec),
            ("GET", one + "/ps", self._ps),
            ("GET", one + "/wait", self._wait),
            ("GET", one + "/events", self._events),
            ("GET", one + "/versions", self._versions),
            ("GET", one + "/lease", self._get_lease),
            ("POST", one + "/lease", self._acquire_lease),
            ("DELETE", one + "/lease", self._release_lease),
            ("GET", one + "/metadata", self._get_metadata),
            ("PATCH", one + "/metadata", self._patch_metadata),
            ("PUT", one + "/metadata", self._patch_metadata),
            ("GET", one + "/metadata/{key}", self._get_metadata),
            ("POST", one + "/metadata/{key}", self._set_metadata),
            ("DELETE", one + "/metadata/{key}", self._set_metadata),
        ]
        return Starlette(
            routes=[*map(_route, routes), *self._streams.sockets()],
            exception_handlers={Problem: _show_problem, Exception: _show_bug},
        )

    # --- the host ---------------------------------------------------------------------------------------------------
    async def _capacity(self, _request: Request) -> Response:
        return JSONResponse(await in_thread(self._presenter.capacity))

    async def _logs(self, request: Request) -> Response:
        query = request.query_params
        only = query.get("machine") or query.get("instance")
        page = await self._inside.read_logs(_app(request), machine=only, token=query.get("next_token", ""))
        return JSONResponse(log_page_to_wire(page.lines, next_token=page.token))

    async def _build(self, request: Request) -> Response:
        return await build(request, _app(request), self._presenter.world)

    async def _ensure_image(self, request: Request) -> Response:
        """Fetched and unpacked, before anything that runs is touched for its sake."""
        reference = check_reference(str((await _document(request)).get("image") or ""))
        image = await in_thread(self._presenter.world.images.ensure, reference)
        return JSONResponse({"image": reference, "digest": image.digest})

    async def _keep_images(self, request: Request) -> Response:
        images = (await _document(request)).get("images") or []
        await in_thread(self._presenter.world.images.keep, check_app_name(_app(request)), images)
        return JSONResponse({"ok": True})

    # --- volumes ----------------------------------------------------------------------------------------------------
    async def _list_volumes(self, request: Request) -> Response:
        return JSONResponse(await self._volumes.list(request.query_params.get("app")))

    async def _create_volume(self, request: Request) -> Response:
        volume = await self._volumes.create(_app(request), await _document(request))
        return self._answer(volume, "volume", volume["id"])

    async def _get_volume(self, request: Request) -> Response:
        return JSONResponse(await self._volumes.get(_id(request), _app(request)))

    async def _update_volume(self, request: Request) -> Response:
        volume = await self._volumes.update(_id(request), _app(request), await _document(request))
        return self._answer(volume, "volume", _id(request))

    async def _extend_volume(self, request: Request) -> Response:
        extended = await self._volumes.extend(_id(request), _app(request), await _document(request))
        return self._answer(extended, "volume", _id(request))

    async def _destroy_volume(self, request: Request) -> Response:
        erase = request.query_params.get("erase", "").lower() in ("true", "1")
        gone = await self._volumes.destroy(_id(request), _app(request), erase=erase)
        return self._answer(gone, "volume", _id(request))

    async def _restore_volume(self, request: Request) -> Response:
        return self._answer(await self._volumes.restore(_id(request), _app(request)), "volume", _id(request))

    async def _list_snapshots(self, request: Request) -> Response:
        return JSONResponse(await self._snapshots.list(_id(request), _app(request)))

    async def _create_snapshot(self, request: Request) -> Response:
        begun = await self._snapshots.create(_id(request), _app(request))
        return self._answer(begun, "snapshot", begun["id"])

    # --- machines ---------------------------------------------------------------------------------------------------
    async def _list_machines(self, request: Request) -> Response:
        app = request.query_params.get("app")
        return JSONResponse(
            await in_thread(lambda: [self._presenter.machine(one) for one in self._book.list_machines(app)])
        )

    async def _create_machine(self, request: Request) -> Response:
        machine = await self._machines.create(_app(request), await _document(request), user=_user(request))
        return self._answer(machine, "machine", machine["id"])

    async def _get_machine(self, request: Request) -> Response:
        machine = await in_thread(self._book.get_machine, _id(request), _app(request))
        return JSONResponse(await in_thread(self._presenter.machine, machine))

    async def _update_machine(self, request: Request) -> Response:
        machine = await self._machines.update(_id(request), _app(request), await _document(request))
        return self._answer(machine, "machine", _id(request))

    async def _destroy_machine(self, request: Request) -> Response:
        kill = any(request.query_params.get(key, "").lower() in ("true", "1") for key in ("kill", "force"))
        await self._machines.destroy(_id(request), _app(request), kill=kill)
        return self._answer(OK, "machine", _id(request))

    async def _start(self, request: Request) -> Response:
        return self._answer(await self._machines.start(_id(request), _app(request)), "machine", _id(request))

    async def _stop(self, request: Request) -> Response:
        asked = decode.stop_request_from_wire(await _document(request))
        await self._machines.stop(_id(request), _app(request), asked)
        return self._answer(OK, "machine", _id(request))

    async def _restart(self, request: Request) -> Response:
        asked = decode.restart_request_from_query(request.query_params.multi_items())
        await self._machines.restart(_id(request), _app(request), asked)
        return self._answer(OK, "machine", _id(request))

    async def _cordon(self, request: Request) -> Response:
        await self._machines.set_cordoned(_id(request), _app(request), request.url.path.endswith("/cordon"))
        return self._answer(OK, "machine", _id(request))

    # --- inside -----------------------------------------------------------------------------------------------------
    async def _signal(self, request: Request) -> Response:
        asked = decode.signal_request_from_wire(await _document(request))
        await self._inside.signal(_id(request), _app(request), asked.signal)
        return JSONResponse(OK)

    async def _exec(self, request: Request) -> Response:
        asked = decode.exec_request_from_wire(await _document(request))
        return JSONResponse(exec_to_wire(await self._inside.execute(_id(request), _app(request), asked)))

    async def _ps(self, request: Request) -> Response:
        return JSONResponse(ps_to_wire(await self._inside.list_processes(_id(request), _app(request))))

    async def _wait(self, request: Request) -> Response:
        asked = decode.wait_request_from_query(request.query_params.multi_items())
        return JSONResponse(wait_to_wire(await self._inside.wait(_id(request), _app(request), asked)))

    async def _events(self, request: Request) -> Response:
        machine = await in_thread(self._book.get_machine, _id(request), _app(request))
        limit = request.query_params.get("limit", "20")
        events = await in_thread(self._book.list_events, machine.id, min(int(limit), 50) if limit.isdecimal() else 20)
        return JSONResponse([event_to_wire(event) for event in events])

    async def _versions(self, request: Request) -> Response:
        machine = await in_thread(self._book.get_machine, _id(request), _app(request))
        return JSONResponse(versions_to_wire(await in_thread(self._book.list_versions, machine.id)))

    # --- leases and metadata ----------------------------------------------------------------------------------------
    async def _get_lease(self, request: Request) -> Response:
        lease = await in_thread(self._leases.get, _id(request), _app(request))
        return JSONResponse(lease_to_wire(lease, version=await self._version(request)))

    async def _acquire_lease(self, request: Request) -> Response:
        asked = decode.lease_request_from_wire(await _document(request), request.query_params.multi_items())
        lease = await in_thread(
            self._leases.acquire,
            _id(request),
            _app(request),
            request.headers.get(NONCE) or None,
            ttl=asked.ttl,
            description=asked.description,
            owner=_user(request),
        )
        return JSONResponse(lease_to_wire(lease, version=await self._version(request)), status_code=201)

    async def _release_lease(self, request: Request) -> Response:
        await in_thread(self._leases.release, _id(request), _app(request), request.headers.get(NONCE))
        return JSONResponse(lease_released_to_wire())

    async def _version(self, request: Request) -> str:
        return (await in_thread(self._book.get_machine, _id(request), _app(request))).instance_id

    async def _get_metadata(self, request: Request) -> Response:
        machine = await in_thread(self._book.get_machine, _id(request), _app(request))
        key = request.path_params.get("key")
        if key is None:
            return JSONResponse(dict(machine.config.metadata))
        return JSONResponse({"value": machine.config.metadata.get(key, "")})

    async def _set_metadata(self, request: Request) -> Response:
        value = decode.metadata_value_from_wire(await _document(request)) if request.method == "POST" else None
        await self._machines.set_metadata(_id(request), _app(request), {request.path_params["key"]: value})
        return self._answer(None, "machine", _id(request))

    async def _patch_metadata(self, request: Request) -> Response:
        changes = decode.metadata_from_wire(await _document(request))
        await self._machines.set_metadata(_id(request), _app(request), changes, whole=request.method == "PUT")
        return self._answer(None, "machine", _id(request))

    # --- common -----------------------------------------------------------------------------------------------------
    def _leased(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            await in_thread(self._leases.check, _id(request), _app(request), request.headers.get(NONCE))
            return await handler(request)

        return checked

    def _answer(self, document: Any, kind: str, id: str) -> Response:
        headers = {"caddis-sequence": str(self._book.last_sequence(kind, id))}
        return (
            Response(status_code=204, headers=headers) if document is None else JSONResponse(document, headers=headers)
        )


def _route(entry: tuple[str, str, Handler]) -> Route:
    method, path, handler = entry
    return Route(path, handler, methods=[method])


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _app(request: Request) -> str:
    return request.query_params.get("app", "")


def _user(request: Request) -> str:
    return request.headers.get("caddis-user", "")


async def _document(request: Request) -> Any:
    return document_from_body(await request.body())


async def _show_problem(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    status, body = problem_to_wire(problem)
    return JSONResponse(body, status_code=status)


async def _show_bug(request: Request, bug: Exception) -> Response:
    incident = uuid.uuid4().hex[:12]
    note_bug("bug at the door", bug, path=request.url.path, incident=incident)
    return JSONResponse({"error": f"internal error, incident {incident}"}, status_code=500)
