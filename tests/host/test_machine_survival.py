"""Machines outlive whoever started them (promise P6), and a launch cut short leaves nothing (promise P7)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caddis.machines.plan import LaunchPlan
from real_machines import RealMachines, temporary_machines, wait_until

pytestmark = pytest.mark.host

# stands for an agent: launches one machine and waits to be killed
_AGENT = """
import sys
from caddis.machines.plan import LaunchPlan
from caddis.machines.runtimes.runc import RuncRuntime
run, logs, group, root, netns, script = sys.argv[1:]
argv, env = ("sh", "-c", script), {"PATH": "/bin"}
plan = LaunchPlan(name="m1", launch=1, root=root, argv=argv, env=env, hostname="m1", netns=netns)
runtime = RuncRuntime(run, logs, group)
print("about to", flush=True)
print(runtime.launch(plan), flush=True)
sys.stdin.read()
"""
_SCRIPT = "trap 'echo told; exit 4' TERM; echo ready; while true; do sleep 0.02; done"


@pytest.fixture
def machines() -> Iterator[RealMachines]:
    with temporary_machines() as machines:
        yield machines


def start_agent(machines: RealMachines, *, die_at: str = "") -> subprocess.Popen[bytes]:
    where = (str(machines.run), str(machines.base / "logs"), machines.group, machines.root())
    return subprocess.Popen(
        [sys.executable, "-c", _AGENT, *where, f"/run/netns/{machines.netns}", _SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **({"CADDIS_DIE_AT": die_at} if die_at else {})},
        start_new_session=True,
    )


def kill_session(agent: subprocess.Popen[bytes], number: int) -> None:
    """As a terminal does it: everything in the agent's process group."""
    os.killpg(agent.pid, number)
    agent.wait()
    for stream in (agent.stdin, agent.stdout):
        assert stream is not None
        stream.close()


def plan_again(machines: RealMachines) -> LaunchPlan:
    return machines.plan("sh", "-c", _SCRIPT)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_a_machine_runs_on_when_its_agent_ends_and_is_found_again(machines: RealMachines, number: int) -> None:
    agent = start_agent(machines)
    assert agent.stdout is not None
    assert agent.stdout.readline() == b"about to\n"
    holder = int(agent.stdout.readline())
    kill_session(agent, number)
    other = machines.another_runtime()
    assert other.list_names() == ["m1"]
    assert other.find_watched_pid("m1") == holder
    assert other.launch(plan_again(machines)) == holder
    machines.await_output("ready")
    other.signal("m1", signal.SIGTERM)
    assert machines.await_end().code == 4
    assert machines.output() == ["ready", "told"]


@pytest.mark.parametrize("seam", ["runc.launch:written", "runc.launch:created", "runc.launch:started"])
def test_a_launch_that_its_agent_did_not_live_to_see_is_made_again(machines: RealMachines, seam: str) -> None:
    agent = start_agent(machines, die_at=seam)
    assert agent.wait() == -signal.SIGKILL
    for stream in (agent.stdin, agent.stdout):
        assert stream is not None
        stream.close()
    other = machines.another_runtime()
    assert other.list_names() == ["m1"]
    assert other.find_watched_pid("m1") is None
    holder = other.launch(plan_again(machines))
    assert other.find_watched_pid("m1") == holder
    assert len([info for info in other.list_processes("m1") if info.pid == 1]) == 1


@pytest.mark.parametrize("milliseconds", [2, 6, 10, 15, 20, 30])
def test_a_launch_cut_short_at_any_moment_leaves_nothing(machines: RealMachines, milliseconds: int) -> None:
    agent = start_agent(machines)
    assert agent.stdout is not None
    agent.stdout.readline()
    time.sleep(milliseconds / 1000)  # where in the launch this falls does not matter: it must hold anywhere
    kill_session(agent, signal.SIGKILL)
    machines.another_runtime().delete("m1")
    assert machines.runtime.list_names() == []
    wait_until(lambda: not processes_of(machines), "the last process is gone")


def processes_of(machines: RealMachines) -> list[str]:
    found = [line for line in machines.leftovers() if line.startswith(("process", "control"))]
    return [line for line in found if Path("/proc", line.split()[-1]).exists() or line.startswith("control")]
