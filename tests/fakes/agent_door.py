"""An agent without a host: the door of /volumes and /machines over a Unix socket, in memory, with honest reports.

It keeps what it is told, answers in Fly's spelling and reports changes as a real agent does. What is not said in the
fields of `FakeAgent` it does not do: no containers, no leases.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from caddis.domain.errors import InUse, NoCapacity, NotFound, Problem
from caddis.domain.ids import snapshot_id
from caddis.domain.volume import EncryptionKind, Volume, VolumeState
from caddis.wire.problem import problem_to_wire
from caddis.wire.time import time_to_wire
from caddis.wire.volume import volume_to_wire

GIB = 1 << 30
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)


class FakeAgent:
    """Set `full` to refuse for lack of room, `report_delay` (seconds) to report late, `silent` to report nothing."""

    def __init__(self, host: str, zone: str, folder: Path, *, region: str = "lhr", pool_gb: int = 40) -> None:
        self.host, self.zone, self.region = host, zone, region
        self.socket = folder / f"{host}.sock"
        self.api = ""
        self.token = ""
        self.pool_gb = pool_gb
        self.full = False
        self.silent = False
        self.report_delay = 0.0
        self.wait_seconds = 0.0  # how long a wait is held
        self.volumes: dict[str, dict[str, Any]] = {}
        self.machines: dict[str, dict[str, Any]] = {}
        self.orders: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers
        self.bodies: list[dict[str, Any]] = []  # of orders to create or update a machine
        self.context_bytes = 0
        self._app_of: dict[str, str] = {}
        self._sequence = 0
        self._outbox: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = False
        self._http = httpx2.Client(verify=False, trust_env=False)  # no certificates to load: they cost 30 ms

    # --- reports ----------------------------------------------------------------------------------------------------
    def card(self) -> dict[str, Any]:
        """What it tells of itself."""
        capacity = {
            "pool_bytes": self.pool_gb * GIB,
            "pool_promised": sum(volume["size_gb"] for volume in self.volumes.values()) * GIB,
            "memory_mb": 4096,
            "memory_promised_mb": 0,
            "cpus": 2,
            "encryption": "fscrypt",
        }
        return {
            "id": self.host,
            "region": self.region,
            "zone": self.zone,
            "address": f"unix:{self.socket}",
            "capacity": capacity,
        }

    def push(self) -> dict[str, Any]:
        """Tell the API what is new, now; its answer."""
        with self._lock:
            reports = list(self._outbox)
        answer = self._http.post(
            f"{self.api}/internal/hosts/{self.host}/reports",
            json={"host": self.card(), "reports": reports},
            headers={"authorization": f"Bearer {self.token}"},
        )
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        with self._lock:
            self._outbox = [report for report in self._outbox if report["sequence"] > told["acknowledged"]]
        return told

    def _report(self, kind: str, id: str, body: dict[str, Any] | None) -> dict[str, str]:
        with self._lock:
            self._sequence += 1
            told = {"sequence": self._sequence, "kind": kind, "id": id, "app": self._app_of[id], "body": body}
            self._outbox.append(told)
        self._wake.set()
        return {"caddis-sequence": str(self._sequence)}

    def _report_for_ever(self) -> None:
        while not self._ended:
            self._wake.wait(1.0)
            self._wake.clear()
            time.sleep(self.report_delay)
            if self.api and not self.silent and not self._ended:
                try:
                    self.push()
                except httpx2.HTTPError:
                    time.sleep(0.1)

    # --- volumes ----------------------------------------------------------------------------------------------------
    async def _create_volume(self, request: Request) -> Response:
        document = await request.json()
        if self.full:
            raise NoCapacity(f"host {self.host} is full")
        volume = Volume(
            id=document["id"],
            app=request.query_params["app"],
            name=document["name"],
            region=self.region,
            zone=self.zone,
            size_gb=document.get("size_gb") or 3,
            state=VolumeState.CREATED,
            encryption=EncryptionKind.FSCRYPT,
            created_at=_NEVER,
        )
        self._app_of[volume.id] = volume.app
        self.volumes[volume.id] = volume_to_wire(volume)
        return self._answer("volume", volume.id)

    async def _volume(self, request: Request) -> Response:
        volume = self._find(self.volumes, request, "volume")
        if request.method == "GET":
            return JSONResponse(volume)
        if request.method == "DELETE":
            if volume["attached_machine_id"]:
                raise InUse(f"volume {volume['id']} is attached to machine {volume['attached_machine_id']}")
            volume["state"] = "pending_destroy"
        elif request.url.path.endswith("/restore"):
            volume["state"] = "created"
        elif request.url.path.endswith("/extend"):
            volume["size_gb"] = (await request.json())["size_gb"]
            told = {"volume": dict(volume), "needs_restart": True}
            return JSONResponse(told, headers=self._report("volume", volume["id"], dict(volume)))
        else:
            volume |= {key: value for key, value in (await request.json()).items() if value is not None}
        return self._answer("volume", volume["id"])

    async def _create_snapshot(self, request: Request) -> Response:
        volume = self._find(self.volumes, request, "volume")
        snapshot = {
            "id": snapshot_id(secrets.token_bytes(16)),
            "size": 4096,
            "volume_size": volume["size_gb"] << 30,
            "created_at": time_to_wire(datetime.now(UTC)),
            "status": "created",
            "volume_id": volume["id"],
            "volume_name": volume["name"],
        }
        self._app_of[snapshot["id"]] = self._app_of[volume["id"]]
        return JSONResponse(snapshot, headers=self._report("snapshot", snapshot["id"], snapshot))

    # --- machines ---------------------------------------------------------------------------------------------------
    async def _create_machine(self, request: Request) -> Response:
        document = await request.json()
        self.bodies.append(document)
        if self.full:
            raise NoCapacity(f"host {self.host} is full")
        machine = {
            "id": document["id"],
            "name": document.get("name") or document["id"],
            "state": "started",
            "region": self.region,
            "instance_id": "01",
            "config": document["config"],
            "host_status": "ok",
            "events": [{"type": "start"}],
        }
        for mount in document["config"].get("mounts", []):
            volume = self.volumes[mount["volume"]]
            if volume["attached_machine_id"]:
                raise InUse(f"volume {volume['id']} is already attached to machine {volume['attached_machine_id']}")
            volume["attached_machine_id"] = machine["id"]
            self._report("volume", volume["id"], dict(volume))
        self._app_of[machine["id"]] = request.query_params["app"]
        self.machines[machine["id"]] = machine
        return self._answer("machine", machine["id"])

    async def _machine(self, request: Request) -> Response:
        machine = self._find(self.machines, request, "machine")
        if request.method == "GET":
            return JSONResponse(machine)
        if request.method == "DELETE":
            machine["state"] = "destroyed"
            for volume in self.volumes.values():
                if volume["attached_machine_id"] == machine["id"]:
                    volume["attached_machine_id"] = None
                    self._report("volume", volume["id"], dict(volume))
        else:
            self.bodies.append(await request.json())
            machine["config"] = self.bodies[-1]["config"]
        return self._answer("machine", machine["id"])

    async def _verb(self, request: Request) -> Response:
        machine = self._find(self.machines, request, "machine")
        verb = request.url.path.rsplit("/", 1)[1]
        if "/metadata/" in request.url.path:
            metadata = machine["config"].setdefault("metadata", {})
            metadata.pop(verb, None)
            if request.method == "POST":
                metadata[verb] = (await request.json())["value"]
            return self._answer("machine", machine["id"])
        if verb == "wait":
            await asyncio.sleep(self.wait_seconds)
        if verb in ("start", "stop"):
            machine["state"] = "started" if verb == "start" else "stopped"
            return JSONResponse({"ok": True}, headers=self._report("machine", machine["id"], dict(machine)))
        told = {"verb": verb, "query": request.query_params.multi_items(), "body": (await request.body()).decode()}
        return JSONResponse(told)

    # --- the rest ---------------------------------------------------------------------------------------------------
    async def _logs(self, request: Request) -> Response:
        place = int(request.query_params.get("next_token") or 0)
        attributes = {
            "timestamp": f"2026-01-01T00:00:0{place}.{ord(self.zone[-1]):06}Z",
            "message": f"line {place} of {self.host}",
            "level": "info",
            "instance": next(iter(self.machines), ""),
            "region": self.region,
            "meta": {},
        }
        data = [{"id": f"{self.host}-{place}", "attributes": attributes}]
        return JSONResponse({"data": data, "meta": {"next_token": str(place + 1)}})

    async def _ensure_image(self, request: Request) -> Response:
        image = (await request.json())["image"]
        if "nothing" in image:
            raise NotFound(f"image {image} does not exist")
        return JSONResponse({"image": image, "digest": "sha256:1"})

    async def _build(self, request: Request) -> Response:
        self.context_bytes = 0
        async for part in request.stream():
            self.context_bytes += len(part)

        async def lines() -> Any:
            yield b"STEP 1: FROM scratch\n"
            yield b'{"image": "registry.local/web:1"}\n'

        return StreamingResponse(lines(), media_type="text/plain")

    def _find(self, things: dict[str, dict[str, Any]], request: Request, kind: str) -> dict[str, Any]:
        found = things.get(request.path_params["id"])
        if found is None or self._app_of[found["id"]] != request.query_params["app"]:
            raise NotFound(f"{kind} not found: {request.path_params['id']}")
        return found

    def _answer(self, kind: str, id: str) -> Response:
        body = dict((self.volumes if kind == "volume" else self.machines)[id])
        return JSONResponse(body, headers=self._report(kind, id, body))

    def _application(self) -> Starlette:
        async def show(_request: Request, problem: Exception) -> Response:
            assert isinstance(problem, Problem)
            status, body = problem_to_wire(problem)
            return JSONResponse(body, status_code=status)

        one = ["GET", "PUT", "POST", "DELETE"]
        app = Starlette(
            routes=[
                Route("/volumes", self._create_volume, methods=["POST"]),
                Route("/volumes/{id}", self._volume, methods=one),
                Route("/volumes/{id}/restore", self._volume, methods=["POST"]),
                Route("/volumes/{id}/extend", self._volume, methods=["PUT"]),
                Route("/volumes/{id}/snapshots", self._create_snapshot, methods=["POST"]),
                Route("/machines", self._create_machine, methods=["POST"]),
                Route("/machines/{id}", self._machine, methods=one),
                Route("/machines/{id}/{verb:path}", self._verb, methods=[*one, "PATCH"]),
                Route("/logs", self._logs),
                Route("/builds", self._build, methods=["POST"]),
                Route("/images", self._ensure_image, methods=["POST"]),
            ],
            exception_handlers={Problem: show},
        )

        async def recorded(scope: Any, receive: Any, send: Any) -> None:
            headers = {key.decode(): value.decode() for key, value in scope.get("headers", ())}
            self.orders.append((scope.get("method", ""), scope.get("path", ""), headers))
            await app(scope, receive, send)

        return recorded  # type: ignore[return-value]

    @contextmanager
    def open(self) -> Iterator[FakeAgent]:
        """Listen until the block ends, or until `fall_silent`."""
        config = uvicorn.Config(
            self._application(), uds=str(self.socket), log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        serving = threading.Thread(target=self._server.run, daemon=True)
        reporting = threading.Thread(target=self._report_for_ever, daemon=True)
        serving.start()
        reporting.start()
        try:
            while not self._server.started:
                time.sleep(0.01)
            yield self
        finally:
            self._ended = True
            self._wake.set()
            self._server.should_exit = True
            serving.join(5)
            reporting.join(5)
            self._http.close()

    def die(self) -> None:
        """Close the door, and report no more."""
        self.silent = True
        self._server.should_exit = True
        while self.socket.exists() and _answers(self.socket):
            time.sleep(0.01)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as door:
        return door.connect_ex(str(path)) == 0
