"""Sitting at programs in a machine, and files of one that does harm: nothing stays, and nothing leads out."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from caddis.domain.errors import Conflict, Invalid, Problem
from caddis.machines import guest_files
from caddis.machines.plan import SessionPlan
from caddis.machines.sessions import NoProgram
from real_machines import RealMachines, temporary_machines, wait_until

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def machines() -> Iterator[RealMachines]:
    with temporary_machines() as machines:
        machines.launch("sleep", "1000")
        yield machines


def test_a_node_that_the_machine_makes_is_never_opened(machines: RealMachines) -> None:
    """A watchdog's, for example, would start to count when it is opened: the kernel is asked what was opened."""
    machines.launch("sleep", "1000", name="m4")
    machines.execute("mknod", "/dev/trap", "c", "10", "200", name="m4")  # /dev/net/tun
    machines.execute("mkfifo", "/pipe", name="m4")
    root = machines.runtime.open_root("m4")
    try:
        for path in (b"/dev/trap", b"/pipe"):
            with pytest.raises(Conflict, match="not a file"):
                guest_files.read_file(root, path)
        with pytest.raises(Conflict, match="holds more than files"):
            guest_files.pack_folder(root, b"/dev")
    finally:
        os.close(root)


def test_a_folder_that_becomes_a_link_while_it_is_packed_leads_nowhere_but_inside(
    machines: RealMachines, tmp_path: Path
) -> None:
    for number in range(3000):
        (tmp_path / f"f{number}").write_text("of the host")
    fill = (
        "mkdir -p /top/a; cd /top/a; for i in $(seq 0 2999); do echo of the machine > f$i; done; cd /top; touch /full"
    )
    swap = f"while true; do mv a b; ln -s {tmp_path} a; sleep 0.03; rm a; mv b a; sleep 0.03; done"
    machines.launch("sh", "-c", f"{fill}; {swap}", name="m5")
    wait_until(lambda: machines.execute("test", "-e", "/full", name="m5").exit_code == 0, "it swaps")
    root = machines.runtime.open_root("m5")
    try:
        for _ in range(5):
            with suppress(Problem):  # what it reads may vanish under it
                for part in guest_files.pack_folder(root, b"/top"):
                    assert b"of the host" not in part
    finally:
        os.close(root)


def _commands(machines: RealMachines) -> set[str]:
    return {info.command for info in machines.runtime.list_processes("m1")}


def test_a_session_at_a_terminal_ends_with_who_sat_there(machines: RealMachines) -> None:
    plan = SessionPlan(argv=("sh", "-c", "busybox stty size; sleep 905 & sleep 906"), terminal=(33, 101))
    session = machines.runtime.open_session("m1", plan)
    said = b""
    until = time.monotonic() + 60
    while b"\n" not in said:
        assert time.monotonic() < until and select.select([session.output], [], [], 60)[0]
        said += os.read(session.output, 1000)
    assert said == b"33 101\r\n"
    wait_until(lambda: {"sleep 905", "sleep 906"} <= _commands(machines), "both sleep")
    assert machines.runtime.close_session("m1", session, hang_up=True)[0] == 128 + signal.SIGHUP
    assert not {"sleep 905", "sleep 906"} & _commands(machines)
    assert not list((machines.run / "containers" / "m1").glob("exec-*"))


def test_sessions_of_an_agent_that_died_are_ended_by_its_successor(machines: RealMachines) -> None:
    session = machines.runtime.open_session("m1", SessionPlan(argv=("sh", "-c", "setsid sleep 907 & sleep 908")))
    wait_until(lambda: {"sleep 907", "sleep 908"} <= _commands(machines), "both sleep")
    machines.another_runtime().end_strays()
    assert not {"sleep 907", "sleep 908"} & _commands(machines)
    assert machines.runtime.find_watched_pid("m1") is not None
    assert not list((machines.run / "containers" / "m1").glob("exec-*"))
    machines.runtime.close_session("m1", session, hang_up=True)


@pytest.mark.parametrize(
    ("plan", "problem", "words"),
    [
        (SessionPlan(argv=("nosuch",)), NoProgram, "nosuch: executable not found"),
        (SessionPlan(user="nobodyhere"), Invalid, "has no user 'nobodyhere'"),
    ],
)
def test_a_session_that_cannot_be_is_refused_and_leaves_nothing(
    machines: RealMachines, plan: SessionPlan, problem: type[Problem], words: str
) -> None:
    with pytest.raises(problem, match=words):
        machines.runtime.open_session("m1", plan)
    assert not list((machines.run / "containers" / "m1").glob("exec-*"))


def test_a_machine_without_a_shell_says_so(machines: RealMachines) -> None:
    machines.launch("sleep", "1000", name="m6")
    machines.execute("rm", "/bin/sh", name="m6")
    with pytest.raises(Invalid, match="the machine's image has no shell: neither /bin/bash nor /bin/sh"):
        machines.runtime.open_session("m6", SessionPlan())
