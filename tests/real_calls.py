"""Calls to a running installation as any client makes them, and waiting until its answers say what they should."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from caddis.kernel.process import read_arguments
from caddis.machines.spec import INIT_PATH
from real_machines import wait_until
from real_up import BIN, Running
from tiny_image import make_tiny_image


class Calls:
    """One app of a running installation; `image` is a tiny one with a shell."""

    def __init__(self, up: Running, app: str, *, make: bool = True) -> None:
        said = subprocess.run(
            [BIN / "caddis", "env", "--data", str(up.data)], capture_output=True, text=True, check=True
        )
        exports = dict(re.findall(r"^export (\w+)=(.*)$", said.stdout, re.MULTILINE))
        base, self.token = (shlex.split(exports[name])[0] for name in ("FLY_FLAPS_BASE_URL", "FLY_ACCESS_TOKEN"))
        headers = {"Authorization": f"Bearer {self.token}"}
        self.up, self.app, self.client = up, app, httpx2.Client(base_url=base, headers=headers, timeout=90)
        self.image = make_tiny_image(up.data.parent)
        if make:
            self.ok("POST", "/v1/apps", {"app_name": app, "org_slug": "personal"})

    def close(self) -> None:
        """End the connections."""
        self.client.close()

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> httpx2.Response:
        """Whatever the answer is. A path that does not begin at /v1 is one of the app's."""
        path = path if path.startswith("/v1") else f"/v1/apps/{self.app}{path}"
        return self.client.request(method, path, json=body, **more)

    def ok(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """The body of a good answer."""
        answer = self.ask(method, path, body, **more)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def refused(self, status: int, method: str, path: str, body: object = None, **more: Any) -> str:
        """The sentence of a bad one."""
        answer = self.ask(method, path, body, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return str(answer.json()["error"])

    def make_volume(self, **more: Any) -> str:
        made = self.ok("POST", "/volumes", {"name": "data", "region": "lhr", "size_gb": 1, **more})
        return str(made["id"])

    def make_machine(self, script: str, *, volume: str = "", **config: Any) -> str:
        """Run a shell script as a machine's main program; with a volume, that is /data."""
        mounts = [{"volume": volume, "path": "/data"}] if volume else []
        wanted = {"image": self.image, "init": {"exec": ["/bin/sh", "-c", script]}, "mounts": mounts, **config}
        return str(self.ok("POST", "/machines", {"region": "lhr", "config": wanted})["id"])

    def machine(self, id: str) -> Any:
        return self.ok("GET", f"/machines/{id}")

    def await_state(self, id: str, state: str) -> None:
        wait_until(lambda: self.machine(id)["state"] == state, f"machine {id} is {state}")

    def await_events(self, id: str, type: str, number: int) -> list[Any]:
        """At least so many events of that type, newest first."""

        def look() -> list[Any]:
            found = [event for event in self.ok("GET", f"/machines/{id}/events") if event["type"] == type]
            return found if len(found) >= number else []

        return wait_until(look, f"machine {id} has {number} events {type}")

    def shell(self, id: str, script: str) -> str:
        """What a script says inside a running machine."""
        command = ["/bin/sh", "-c", script]
        done = self.ok("POST", f"/machines/{id}/exec", {"command": command, "timeout": 30})
        assert done["exit_code"] == 0, done
        return str(done["stdout"])

    def main_pid(self, id: str) -> int:
        """The host's pid of the machine's first process; for a moment after its start it is still runc's."""

        def look() -> list[int]:
            everybody = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
            return [pid for pid in everybody if read_arguments(pid)[:1] == [INIT_PATH] and id in _groups(pid)]

        (init,) = wait_until(look, f"machine {id} has a first process")
        return int(init)

    def pids(self, module: str) -> list[int]:
        """Processes of this installation that run that module."""
        everybody = {int(entry): read_arguments(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()}
        return [pid for pid, words in everybody.items() if module in words and str(self.up.data) in " ".join(words)]

    def kill(self, module: str) -> None:
        """SIGKILL, and wait until its successor answers."""
        before = self.signal(module, signal.SIGKILL)
        wait_until(lambda: self.pids(module) and not set(self.pids(module)) & before, f"{module} is back")
        wait_until(self._answers, "everything answers again")

    def signal(self, module: str, number: int) -> set[int]:
        """To every process of this installation that runs that module; their pids."""
        pids = set(self.pids(module))
        assert pids
        for pid in pids:
            os.kill(pid, number)
        return pids

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/machines").status_code == 200 and all(
                self.ask("GET", f"/machines/{machine['id']}").json().get("host_status") == "ok"
                for machine in self.ok("GET", "/machines")
            )
        except httpx2.TransportError:
            return False


def _groups(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def event_request(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an exit event says about the end."""
    found: Mapping[str, Any] = event["request"]["exit_event"]
    return found
