"""Promises P5, P6 and P11 on a real installation: daemons are killed, machines and volumes are not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from real_calls import Calls, event_request
from real_machines import wait_until
from real_up import BIN, left_behind, running
from tiny_image import BUSYBOX

pytestmark = pytest.mark.e2e

API, AGENT = "caddis.api", "caddis.agent"
COUNTING = "while true; do echo tick >> /data/ticks; sleep 0.05; done"


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="14G") as up:
        calls = Calls(up, "survival")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def machine(calls: Calls) -> str:
    id = calls.make_machine(COUNTING, volume=calls.make_volume())
    calls.await_state(id, "started")
    return id


def _all_arguments() -> Iterator[bytes]:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # ended meanwhile
            yield entry.read_bytes()


def boot(calls: Calls, id: str) -> str:
    """Differs as soon as the main process is another one."""
    return calls.shell(id, "cut -d ' ' -f 22 /proc/1/stat")


@pytest.mark.parametrize("daemon", [API, AGENT])
def test_a_machine_does_not_notice_the_death_of_a_daemon(calls: Calls, machine: str, daemon: str) -> None:
    before, ticks = boot(calls, machine), int(calls.shell(machine, "wc -l < /data/ticks"))
    calls.kill(daemon)
    assert boot(calls, machine) == before
    wait_until(lambda: int(calls.shell(machine, "wc -l < /data/ticks")) > ticks, "it writes on")
    assert calls.machine(machine)["state"] == "started"


def test_an_end_that_no_agent_saw_is_read_by_the_next(calls: Calls) -> None:
    id = calls.make_machine("sleep 1000", restart={"policy": "no"})
    calls.await_state(id, "started")
    calls.signal(AGENT, signal.SIGSTOP)  # it sees nothing from now on
    os.kill(calls.main_pid(id), signal.SIGKILL)
    calls.kill(AGENT)
    calls.await_state(id, "stopped")
    (end,) = calls.await_events(id, "exit", 1)
    assert event_request(end)["exit_code"] == 137


def test_an_agent_killed_while_machines_are_made_leaves_them_whole(calls: Calls) -> None:
    def make(name: str) -> None:
        body = {"region": "lhr", "name": name, "config": {"image": calls.image}}
        calls.ask("POST", "/machines", body)

    makers = [threading.Thread(target=make, args=(f"m{number}",)) for number in range(6)]
    for maker in makers:
        maker.start()
    calls.kill(AGENT)
    for maker in makers:
        maker.join()
    made = [one for one in calls.ok("GET", "/machines") if one["name"].startswith("m") and one["name"][1:].isdigit()]
    for one in made:
        calls.await_state(one["id"], "started")
        calls.ok("DELETE", f"/machines/{one['id']}?force=true")


def test_an_agent_killed_in_the_middle_of_a_build_leaves_nothing_of_it(calls: Calls, tmp_path: Path) -> None:
    shutil.copy(BUSYBOX, tmp_path)
    (tmp_path / "fly.toml").write_text(f'app = "{calls.app}"\n')
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY busybox /\nRUN ["/busybox", "sleep", "1000"]\n')
    before = set(Path(tempfile.gettempdir()).glob("caddis-context-*"))
    deploy = subprocess.Popen(
        [BIN / "fly", "deploy"],
        cwd=tmp_path,
        env=calls.up.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert deploy.stdout is not None
    assert any("sleep" in line for line in deploy.stdout), "the build did not come to its RUN step"
    calls.kill(AGENT)
    deploy.communicate(timeout=30)
    assert deploy.returncode == 1
    building = str(calls.up.data / "images/build").encode()
    wait_until(lambda: not any(building in argv for argv in _all_arguments()), "the build has ended")
    assert set(Path(tempfile.gettempdir()).glob("caddis-context-*")) == before


def test_a_destroyed_volume_comes_back_with_what_was_in_it(calls: Calls) -> None:
    volume = calls.make_volume(name="undo")
    id = calls.make_machine("sleep 1000", volume=volume)
    calls.await_state(id, "started")
    calls.shell(id, "echo precious > /data/file; sync")
    calls.refused(409, "DELETE", f"/volumes/{volume}")
    calls.ok("DELETE", f"/machines/{id}?force=true")
    calls.ok("DELETE", f"/volumes/{volume}")
    assert calls.ok("GET", f"/volumes/{volume}")["state"] == "pending_destroy"
    calls.kill(AGENT)
    calls.ok("POST", f"/volumes/{volume}/restore")
    again = calls.make_machine("sleep 1000", volume=volume)
    calls.await_state(again, "started")
    assert calls.shell(again, "cat /data/file") == "precious\n"


def test_what_ran_before_caddis_down_runs_again_after_the_next_up(calls: Calls, machine: str) -> None:
    ticks = int(calls.shell(machine, "wc -l < /data/ticks"))
    stopped = calls.make_machine("sleep 1000")
    calls.await_state(stopped, "started")
    calls.ok("POST", f"/machines/{stopped}/stop", {"signal": "SIGKILL"})
    calls.await_state(stopped, "stopped")
    subprocess.run([BIN / "caddis", "down", "--data", str(calls.up.data)], check=True, capture_output=True)
    assert left_behind(calls.up.data) == []
    with calls.up.up():
        calls.await_state(machine, "started")
        assert int(calls.shell(machine, "wc -l < /data/ticks")) >= ticks
        assert calls.machine(stopped)["state"] == "stopped"
