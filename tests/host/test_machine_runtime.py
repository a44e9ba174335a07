"""runc's runtime answers to the contract, and machines behave like machines: signals, limits, ends, logs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from caddis.domain.errors import Invalid, Problem
from caddis.kernel import conmon
from caddis.machines.plan import Bind, LaunchPlan
from contracts.runtime_contract import RuntimeContract, Stage
from real_machines import RealMachines, temporary_machines, wait_until

pytestmark = pytest.mark.host

_LISTENS = "trap 'exit $(cat /code)' USR1; echo ready; while true; do sleep 0.02; done"
_STUBBORN = "trap '' INT TERM HUP; echo ready; while true; do sleep 0.02; done"


class RealStage(Stage):
    def __init__(self, machines: RealMachines) -> None:
        self.machines, self.runtime = machines, machines.runtime

    def plan(self, launch: int = 1, *, stubborn: bool = False, name: str = "m1") -> LaunchPlan:
        script = _STUBBORN if stubborn else _LISTENS
        return self.machines.plan("sh", "-c", script, name=name, launch=launch)

    def plan_of(self, program: str) -> LaunchPlan:
        return self.machines.plan(program)

    def end(self, name: str, code: int) -> None:
        self.machines.await_output("ready", name)
        self.machines.shell(f"echo {code} > /code")
        self.runtime.signal(name, signal.SIGUSR1)

    def await_ready(self, name: str) -> None:
        self.machines.await_output("ready", name)

    def await_end(self, name: str) -> None:
        wait_until(lambda: self.runtime.find_watched_pid(name) is None, "it has ended")


@pytest.fixture
def machines() -> Iterator[RealMachines]:
    with temporary_machines() as machines:
        yield machines


@pytest.fixture
def stage(machines: RealMachines) -> RealStage:
    return RealStage(machines)


class TestRuncRuntime(RuntimeContract):
    pass


def test_the_kill_signal_reaches_the_programs_own_handler(machines: RealMachines) -> None:
    machines.launch("sh", "-c", "trap 'echo caught; exit 7' INT; echo ready; while true; do sleep 0.02; done")
    machines.await_output("ready")
    machines.runtime.signal("m1", signal.SIGINT)
    report = machines.await_end()
    assert (report.code, report.signal) == (7, 0)
    assert machines.output() == ["ready", "caught"]


def test_orphans_are_reaped(machines: RealMachines) -> None:
    machines.launch("sh", "-c", "for i in 1 2 3; do (sleep 0.05 &); done; echo ready; exec sleep 1000")
    machines.await_output("ready")
    wait_until(lambda: len(machines.runtime.list_processes("m1")) == 2, "only init and the main process are left")
    states = machines.shell("cat /proc/[0-9]*/stat").stdout.decode()
    assert ") Z " not in states


def test_a_machine_beyond_its_memory_is_killed_and_flagged(machines: RealMachines) -> None:
    machines.launch("tail", "/dev/zero", memory_mb=32)
    report = machines.await_end()
    assert (report.code, report.signal, report.oom_killed) == (137, 9, True)


def test_a_machine_has_no_more_processes_than_it_may() -> None:
    with temporary_machines(pids_limit=12) as machines:
        machines.launch("sh", "-c", "for i in $(seq 40); do sleep 1000 & done; echo all")
        report = machines.await_end()
        assert report.code != 0
        assert any("fork" in line for line in machines.output())


def test_a_full_root_is_the_machines_own_trouble(machines: RealMachines) -> None:
    machines.launch("sleep", "1000", root=machines.root(megabytes=2))
    filled = machines.shell("cat /dev/zero > /fill")
    assert filled.exit_code != 0
    assert b"No space left" in filled.stderr


def test_a_terminal_is_there_when_asked_for(machines: RealMachines) -> None:
    machines.launch("sh", "-c", "test -t 1 && echo terminal; test -t 0 && echo input", tty=True)
    machines.await_end()
    assert [line.rstrip("\r") for line in machines.output()] == ["terminal", "input"]


def test_it_runs_as_the_user_that_the_image_names(machines: RealMachines) -> None:
    machines.launch("sh", "-c", "id; echo $HOME; pwd; cat /etc/hostname; hostname", user="app", workdir="/tmp/deep")
    machines.await_end()
    assert machines.output()[0].startswith("uid=1000(app) gid=1000(app)")
    assert machines.output()[1:3] == ["/home/app", "/tmp/deep"]
    assert "m1" in machines.output()  # what it says on stderr may come before or after


def test_a_user_that_the_image_lacks_is_refused_and_leaves_nothing(machines: RealMachines) -> None:
    with pytest.raises(Invalid, match="no user 'bob'"):
        machines.launch("sleep", "1", user="bob")
    assert machines.runtime.list_names() == []


def test_what_runc_refuses_comes_back_in_its_own_words_and_leaves_nothing(machines: RealMachines) -> None:
    with pytest.raises(Problem, match="netns"):
        machines.launch("sleep", "1", netns="/run/netns/caddis-nosuch")
    assert machines.runtime.list_names() == []


def test_a_program_on_a_volume_is_found(machines: RealMachines) -> None:
    volume = machines.base / "volume"
    volume.mkdir()
    (volume / "run").write_text("#!/bin/sh\necho from the volume; echo kept > /data/kept\n")
    (volume / "run").chmod(0o755)
    machines.launch("/data/run", binds=(Bind(source=str(volume), destination="/data"),))
    assert machines.await_end().code == 0
    assert machines.output() == ["from the volume"]
    assert (volume / "kept").read_text() == "kept\n"


def test_its_processes_and_what_they_listen_on_are_listed(machines: RealMachines) -> None:
    machines.launch("sh", "-c", "cd /www; exec httpd -f -p 8080")
    wait_until(lambda: any(info.listen for info in machines.runtime.list_processes("m1")), "the server listens")
    init, server = machines.runtime.list_processes("m1")
    assert init.pid == 1
    assert (server.command, server.directory) == ("httpd -f -p 8080", "/www")
    assert server.listen[0] in (("tcp", "[::]:8080"), ("tcp", "0.0.0.0:8080"))
    assert server.rss > 0


def test_when_conmon_is_killed_the_rest_is_found_and_deleted(machines: RealMachines) -> None:
    holder = machines.launch("sleep", "1000")
    os.kill(holder, signal.SIGKILL)
    wait_until(lambda: machines.runtime.find_watched_pid("m1") is None, "nobody holds it")
    assert machines.runtime.read_exit("m1") is None
    assert machines.runtime.list_processes("m1") != []
    machines.runtime.delete("m1")
    assert machines.runtime.list_processes("m1") == []


def test_another_process_with_conmons_pid_is_neither_watched_nor_killed(machines: RealMachines) -> None:
    holder = machines.launch("sleep", "1000")
    files = conmon.Files(str(machines.run / "containers" / "m1"))
    os.kill(holder, signal.SIGKILL)
    launched = (machines.run / "containers" / "m1" / "launched").read_text()
    for path in (files.conmon_pid, f"{files.folder}/launched"):
        with open(path, "w") as file:
            file.write(launched.replace(str(holder), str(os.getpid())) if "launched" in path else str(os.getpid()))
    assert machines.runtime.find_watched_pid("m1") is None
    machines.runtime.delete("m1")


def test_a_log_is_kept_over_starts_and_never_grows_past_its_bounds() -> None:
    size = 64 << 10
    with temporary_machines(log_bytes=size) as machines:
        for launch in (1, 2, 3):
            line = "x" * 80
            machines.launch("sh", "-c", f"for i in $(seq 600); do echo {launch}-$i {line}; done", launch=launch)
            machines.await_end()
            assert machines.output()[-1].startswith(f"{launch}-600 ")
        kept = sum(file.stat().st_size for file in (machines.base / "logs").iterdir() if file.suffix != ".guard")
        assert size < kept < 3 * size
        machines.runtime.forget_log("m1")
        assert list((machines.base / "logs").iterdir()) == []


def test_a_last_line_without_an_end_is_told(machines: RealMachines) -> None:
    machines.launch("sh", "-c", "printf 'no newline'; printf 'oops' >&2")
    machines.await_end()
    machines.runtime.delete("m1")
    assert sorted(machines.output()) == ["no newline", "oops"]
    machines.launch("echo", "next", launch=2)
    machines.await_end()
    assert machines.output()[2:] == ["next"]


def test_a_long_line_comes_out_whole(machines: RealMachines) -> None:
    machines.launch("sh", "-c", "head -c 30000 /dev/zero | tr '\\0' y; echo")
    machines.await_end()
    assert machines.output() == ["y" * 30000]
