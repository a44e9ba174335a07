"""A small API on 127.0.0.1 for the command line's tests: enough of the machines API to launch and deploy against.

It keeps everything in memory, changes states at once, and remembers every request. An image called `crash` makes
machines that cannot be started, one called `slow` machines that never get there.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "cad_test"
AT = "2026-01-02T03:04:05.000000Z"
ORGANIZATION = {"id": "1", "slug": "personal", "raw_slug": "personal", "name": "Personal", "personal": True}
REGIONS = {
    "regions": [{"code": "lhr", "name": "London", "geo_region": "europe", "deprecated": False}],
    "nearest": "lhr",
}

RESTS_AS = {"crash": "failed", "slow": "starting"}


class Answer(Exception):
    """An error of the API."""

    def __init__(self, http_status: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.http_status, self.body = http_status, {"error": message, **more}


@dataclass
class FakeApi:
    """What it holds; tests may change it at will."""

    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    snapshots: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by volume
    machines: dict[str, dict[str, Any]] = field(default_factory=dict)
    releases: list[dict[str, Any]] = field(default_factory=list)
    leases: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    build_lines: list[str] = field(default_factory=lambda: ["STEP 1/1", '{"image": "web:deployment-1"}'])
    exit_of_release_command: int = 0
    no_snapshots: str = ""  # why none can be taken
    checks: list[dict[str, Any]] = field(default_factory=list)  # what every machine reports
    full_for: int = 0  # so many machines more are refused for want of room
    listens_on: str = "0.0.0.0"
    zone: str = ""  # of new volumes; "" for one of two in turn
    count: int = 0
    url: str = ""

    def add_app(self, name: str, *, status: str = "pending") -> None:
        self.apps[name] = {"id": f"app_{name}", "name": name, "status": status, "network": "default"}
        self.apps[name]["organization"] = {"slug": "personal", "name": "Personal"}

    def add_volume(self, app: str, name: str = "data", **more: Any) -> str:
        self.count += 1
        volume = {
            "id": f"vol_{self.count:016d}",
            "name": name,
            "app": app,
            "state": "created",
            "size_gb": 1,
            "region": "lhr",
            "zone": self.zone or f"a00{self.count % 2}",
            "encrypted": True,
            "attached_machine_id": None,
            "attached_alloc_id": None,
            "created_at": AT,
            "snapshot_retention": 5,
            "auto_backup_enabled": True,
            "host_status": "ok",
            "host_dedication_id": "",
        }
        self.volumes[str(volume["id"])] = volume | {key: value for key, value in more.items() if value is not None}
        return str(volume["id"])

    def add_machine(self, app: str, config: dict[str, Any], *, region: str = "lhr", state: str = "started") -> str:
        self.count += 1
        machine = f"{self.count:014x}"
        state = RESTS_AS.get(config["image"], state)
        self.machines[machine] = {
            "id": machine,
            "name": f"name-{self.count}",
            "app": app,
            "state": state,
            "region": region,
            "instance_id": f"01{self.count}",
            "config": config,
            "private_ip": "fdaa::1",
            "created_at": AT,
            "updated_at": AT,
            "host_status": "ok",
            "events": [],
            "checks": self.checks,
            "cordoned": False,
        }
        if {"RELEASE_COMMAND", "FLY_TEST_COMMAND"} & set(config.get("env", {})):
            ended = {"exit_event": {"exit_code": self.exit_of_release_command, "requested_stop": False}}
            self.machines[machine]["events"] = [{"id": "1", "type": "exit", "request": ended, "timestamp": 0}]
        self._attach(machine, config)
        return machine

    def _attach(self, machine: str, config: dict[str, Any] | None) -> None:
        for volume in self.volumes.values():
            if volume["attached_machine_id"] == machine:
                volume["attached_machine_id"] = None
        for mount in (config or {}).get("mounts") or []:
            self.volumes[mount["volume"]]["attached_machine_id"] = machine

    # --- requests ---------------------------------------------------------------------------------------------------
    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, nonce: str | None) -> Any:
        match (method, *path.strip("/").split("/")):
            case ("GET", "api", "v1", "organizations"):
                return {"organizations": [ORGANIZATION]}
            case ("GET", "v1", "platform", "regions"):
                return REGIONS
            case ("POST", "v1", "platform", "placements"):
                return {"regions": [{"region": "lhr", "count": min(body["count"], 3), "concurrency": 1}]}
            case ("GET", "v1", "tokens", "current"):
                return {"tokens": [{"token_id": "1", "org_slug": "personal", "user": "you@example.com"}]}
            case ("GET", "api", "v1", "volumes", volume):
                found = self._get(self.volumes, volume, "volume")
                return {**found, "app_name": found["app"]}
            case ("GET", "api", "v1", "machines", machine):
                found = self._get(self.machines, machine, "machine")
                return {**found, "app_name": found["app"]}
            case ("GET", "v1", "apps"):
                return {"apps": list(self.apps.values())}
            case ("POST", "v1", "apps"):
                if body["name"] in self.apps:
                    raise Answer(422, "Validation failed: Name has already been taken", status="name_taken")
                self.add_app(body["name"])
                return self.apps[body["name"]]
            case ("POST", "api", "v1", "releases"):
                release = {**body, "id": f"rel_{len(self.releases) + 1}", "version": len(self.releases) + 1}
                release |= {"image_ref": body["image"], "status": "pending", "user": "you", "created_at": AT}
                self.releases.append(release)
                return {"release": release}
            case ("PATCH", "api", "v1", "releases", release_id):
                release = next(one for one in self.releases if one["id"] == release_id)
                release["status"] = body["status"]
                release["metadata"] = {**(release.get("metadata") or {}), **(body.get("metadata") or {})}
                if body["status"] == "complete":
                    self.apps[release["app_name"]]["status"] = "deployed"
                return release
            case (_, "api", "v1", "apps", app, *rest):
                return self._app_api(app, rest)
            case (_, "v1", "apps", app, *rest):
                return self._app(method, self._get(self.apps, app, "app"), rest, query=query, body=body, nonce=nonce)
        raise Answer(404, f"no route {method} {path}")

    def _app_api(self, app: str, rest: list[str]) -> Any:
        mine = [release for release in self.releases if release["app_name"] == app]
        if rest == ["logs"]:
            data = [{"id": "1", "attributes": {"timestamp": AT, "message": line, "level": "info"}} for line in self.log]
            return {"data": data, "meta": {"next_token": ""}}
        if rest == ["releases"]:
            return {"releases": mine[::-1]}
        done = [release for release in mine if release["status"] == "complete"]
        if not done:
            raise Answer(404, "no release yet")
        return done[-1]

    def _app(self, method: str, app: dict[str, Any], rest: list[str], **more: Any) -> Any:
        match (method, *rest):
            case ("GET",):
                return app
            case ("DELETE",):
                del self.apps[app["name"]]
                return {}
            case ("POST", "secrets"):
                return {"secrets": [{"name": name} for name in more["body"]["values"]]}
            case ("GET", "volumes"):
                return [one for one in self.volumes.values() if one["app"] == app["name"]]
            case ("GET", "machines"):
                return [one for one in self.machines.values() if one["app"] == app["name"]]
            case ("POST", "volumes"):
                wish = {key: more["body"].get(key) for key in ("size_gb", "region", "snapshot_retention")}
                return self.volumes[self.add_volume(app["name"], more["body"]["name"], **wish)]
            case ("GET", "volumes", volume, "snapshots"):  # also of volumes that are gone
                return self.snapshots.get(volume, [])
            case (_, "volumes", volume, *verb):
                found = self._get(self.volumes, volume, "volume")
                if method == "DELETE" and "erase" in more["query"] and not found["attached_machine_id"]:
                    return self.volumes.pop(volume) | {"state": "destroyed"}
                return self._volume(method, found, verb, more["body"])
            case ("POST", "images"):
                if more["body"]["image"].startswith("nothing"):
                    raise Answer(404, f"image {more['body']['image']} does not exist")
                return {"image": more["body"]["image"], "digest": "sha256:1"}
            case ("POST", "machines"):
                body = more["body"]
                if self.full_for:
                    self.full_for -= 1
                    raise Answer(422, "this host has no room", status="insufficient_capacity")
                state = "created" if body.get("skip_launch") else "started"
                machine = self.add_machine(app["name"], body["config"], region=body["region"] or "lhr", state=state)
                self.machines[machine]["cordoned"] = bool(body.get("skip_service_registration"))
                return self.machines[machine]
            case (_, "machines", machine, *verb):
                return self._machine(method, self._get(self.machines, machine, "machine"), verb, **more)
        raise Answer(404, f"no route {method} {rest}")

    def _volume(self, method: str, volume: dict[str, Any], verb: list[str], body: Any) -> Any:
        if verb == ["snapshots"]:
            return self._take_snapshot(volume["id"])
        if method == "DELETE":
            if volume["attached_machine_id"]:
                raise Answer(409, f"volume {volume['id']} is attached and cannot be destroyed")
            volume["state"] = "pending_destroy"
        elif verb == ["restore"]:
            volume["state"] = "created"
        elif verb == ["extend"]:
            volume["size_gb"] = body["size_gb"]
            return {"volume": volume, "needs_restart": False}
        elif method == "PUT":
            volume |= {key: value for key, value in body.items() if value is not None}
        return volume

    def _take_snapshot(self, volume: str) -> Any:
        mine = self.snapshots.setdefault(volume, [])
        if self.no_snapshots:
            raise Answer(422, self.no_snapshots, status="insufficient_capacity")
        mine.append({"id": f"vs_{sum(map(len, self.snapshots.values())) + 1}", "status": "created", "created_at": AT})
        return mine[-1] | {"status": "waiting"}

    def _machine(self, method: str, machine: dict[str, Any], verb: list[str], **more: Any) -> Any:
        name, held = machine["id"], self.leases.get(machine["id"])
        if method != "GET" and held not in (None, more["nonce"]):
            raise Answer(409, f"machine {name}: lease currently held by somebody")
        match (method, *verb):
            case ("GET",):
                return machine
            case ("POST",):
                machine |= {"config": more["body"]["config"], "name": more["body"].get("name") or machine["name"]}
                state = RESTS_AS.get(machine["config"]["image"], "started")
                machine["state"] = "stopped" if more["body"].get("skip_launch") else state
                self._attach(name, machine["config"])
                return machine
            case ("DELETE",):
                self._attach(name, None)
                return self.machines.pop(name)
            case ("GET", "lease"):
                if held is None:
                    raise Answer(404, "lease not found: nobody holds it")
                return {"status": "success", "data": {"nonce": held, "owner": "you", "expires_at": 1_800_000_000}}
            case ("POST", "cordon" | "uncordon"):
                machine["cordoned"] = verb == ["cordon"]
            case ("POST", "suspend"):
                raise Answer(400, "machines cannot be suspended here")
            case ("POST", "signal"):
                machine["state"] = "stopped"
            case ("POST", "lease"):
                self.leases[name] = f"nonce-{name}"
                return {"status": "success", "data": {"nonce": self.leases[name], "version": machine["instance_id"]}}
            case ("DELETE", "lease"):
                self.leases.pop(name, None)
                return {"status": "success", "data": {"ok": True}}
            case ("POST", "metadata", key):
                machine["config"]["metadata"][key] = more["body"]["value"]
            case ("DELETE", "metadata", key):
                machine["config"]["metadata"].pop(key, None)
            case ("GET", "wait"):
                settled = machine["state"] in ("started", "stopped", "failed", "created")
                if machine["state"] not in more["query"]["state"] and not (
                    settled and "settled" in more["query"]["state"]
                ):
                    raise Answer(408, "timed out")
                return {"ok": True}
            case ("GET", "ps"):
                ports = [service["internal_port"] for service in machine["config"].get("services") or []]
                return [
                    {"listen_sockets": [{"proto": "tcp", "address": f"{self.listens_on}:{port}"} for port in ports]}
                ]
            case ("POST", "exec"):
                return {"exit_code": 3, "exit_signal": 0, "stdout": more["body"]["cmd"] + "\n", "stderr": "oops\n"}
            case ("POST", "start" | "restart"):
                machine["state"] = "started"
            case ("POST", "stop"):
                machine["state"] = "stopped"
        return {"ok": True}

    def _get(self, things: dict[str, dict[str, Any]], name: str, kind: str) -> dict[str, Any]:
        if name not in things:
            raise Answer(404, f"{kind} not found")
        return things[name]


def serve(api: FakeApi) -> Callable[[], None]:
    """Listen on a free port of 127.0.0.1; returns what ends it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            raw = self.rfile.read(length)
            url = urlsplit(self.path)
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                return self._reply(401, {"error": "the token is not valid: it is unknown, has expired or was revoked"})
            if url.path.endswith("/builds"):
                api.requests.append(("BUILD", self.path, raw))
                return self._send(200, ("\n".join(api.build_lines) + "\n").encode(), "text/plain")
            body = json.loads(raw) if raw else None
            with lock:
                api.requests.append((self.command, unquote(self.path), body))
                try:
                    found = api.answer(
                        self.command,
                        unquote(url.path),
                        parse_qs(url.query),
                        body,
                        self.headers.get("fly-machine-lease-nonce"),
                    )
                except Answer as problem:
                    return self._reply(problem.http_status, problem.body)
                return self._reply(200, found)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _reply(self, status: int, document: Any) -> None:
            self._send(status, json.dumps(document).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
