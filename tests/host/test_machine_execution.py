"""Programs beside the main one: what they see, what they say, and that nothing of them stays when time is up."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from caddis.domain.errors import Conflict, Problem, TimedOut
from caddis.machines.execution import MAX_OUTPUT
from real_machines import RealMachines, temporary_machines, wait_until

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def machines() -> Iterator[RealMachines]:
    with temporary_machines() as machines:
        machines.launch("sh", "-c", "exec sleep 1000", user="app", workdir="/tmp")
        yield machines


def test_input_and_output_pass_byte_for_byte(machines: RealMachines) -> None:
    every_byte = bytes(range(256)) * 500
    result = machines.execute("cat", stdin=every_byte)
    assert (result.exit_code, result.stdout, result.stderr) == (0, every_byte, b"")


def test_user_folder_and_environment_are_the_main_processs(machines: RealMachines) -> None:
    said = machines.shell("id -un; pwd; echo $COLOUR; echo $HOME").stdout.decode().split()
    assert said == ["app", "/tmp", "green", "/home/app"]


def test_an_exit_code_and_a_signal_are_told_apart(machines: RealMachines) -> None:
    assert machines.shell("exit 5").exit_code == 5
    killed = machines.shell("kill -9 $$")
    assert (killed.exit_code, killed.exit_signal) == (137, 9)


def test_a_program_that_is_not_there_says_so_as_a_shell_does(machines: RealMachines) -> None:
    result = machines.execute("nosuch")
    assert (result.exit_code, result.stderr) == (127, b"nosuch: executable not found\n")


def test_output_is_bounded(machines: RealMachines) -> None:
    result = machines.shell(f"head -c {MAX_OUTPUT + 100000} /dev/zero")
    assert (result.exit_code, len(result.stdout)) == (0, MAX_OUTPUT)


def test_input_that_nobody_reads_is_no_trouble(machines: RealMachines) -> None:
    assert machines.execute("true", stdin=b"x" * 1_000_000).exit_code == 0


def test_at_the_deadline_all_that_it_started_is_killed(machines: RealMachines) -> None:
    before = {info.pid for info in machines.runtime.list_processes("m1")}
    with pytest.raises(TimedOut, match=r"sh did not end within 0\.5 s"):
        machines.execute("sh", "-c", "(sleep 900 &); (setsid sleep 901 &); sleep 902", timeout=0.5)
    assert {info.pid for info in machines.runtime.list_processes("m1")} == before
    assert machines.runtime.find_watched_pid("m1") is not None


def test_what_it_leaves_running_goes_on(machines: RealMachines) -> None:
    machines.shell("sleep 903 >/dev/null 2>&1 </dev/null &")
    assert "sleep 903" in [info.command for info in machines.runtime.list_processes("m1")]
    machines.shell("kill $(ps | grep '[s]leep 903' | awk '{print $1}')")
    wait_until(
        lambda: "sleep 903" not in [info.command for info in machines.runtime.list_processes("m1")], "it is gone"
    )


def test_nothing_of_it_is_kept(machines: RealMachines) -> None:
    machines.shell("true")
    assert not list((machines.run / "containers" / "m1").glob("exec-*"))


def test_a_machine_that_is_deleted_while_programs_run_in_it_is_gone_and_each_of_them_is_told(
    machines: RealMachines,
) -> None:
    said: list[object] = []

    def run() -> None:
        try:
            said.append(machines.execute("sleep", "1000").exit_code)
        except Problem as problem:
            said.append(problem)

    for launch in range(1, 11):
        machines.launch("sleep", "1000", launch=launch)
        runners = [threading.Thread(target=run) for _ in range(3)]
        for runner in runners:
            runner.start()
        if launch % 2:
            wait_until(lambda: len(machines.runtime.list_processes("m1")) > 2, "one of them runs")
        machines.runtime.delete("m1")
        for runner in runners:
            runner.join()
        assert machines.runtime.list_names() == []
    assert [answer for answer in said if answer != 137 and not isinstance(answer, Conflict)] == []
