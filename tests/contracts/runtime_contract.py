"""What every `Runtime` (agent/world.py) must do: runc's and the fake are held to the same sentences."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from caddis.domain.errors import Conflict, Invalid
from caddis.machines.plan import LaunchPlan


class Stage:
    """What the contract asks of the one who runs it, beside a fixture `stage` that gives one of these."""

    runtime: Any

    def plan(self, launch: int = 1, *, stubborn: bool = False, name: str = "m1") -> LaunchPlan:
        """A machine that runs until it is told to end; a stubborn one does not listen to signals."""
        raise NotImplementedError

    def plan_of(self, program: str) -> LaunchPlan:
        """A machine whose image need not have this program."""
        raise NotImplementedError

    def end(self, name: str, code: int) -> None:
        """Have the machine's process end by itself."""
        raise NotImplementedError

    def await_ready(self, name: str) -> None:
        """Wait until its program has said which signals it does not listen to."""
        raise NotImplementedError

    def await_end(self, name: str) -> None:
        """Wait until `find_watched_pid` says None."""
        raise NotImplementedError


class RuntimeContract:
    def test_a_launched_machine_is_found_and_has_no_exit(self, stage: Stage) -> None:
        pid = stage.runtime.launch(stage.plan())
        assert stage.runtime.find_watched_pid("m1") == pid
        assert stage.runtime.read_exit("m1") is None
        assert stage.runtime.list_names() == ["m1"]

    def test_launching_again_is_silent(self, stage: Stage) -> None:
        assert stage.runtime.launch(stage.plan()) == stage.runtime.launch(stage.plan())

    def test_a_launch_that_has_ended_is_not_run_again(self, stage: Stage) -> None:
        stage.runtime.launch(stage.plan())
        stage.end("m1", 3)
        stage.await_end("m1")
        stage.runtime.launch(stage.plan())
        assert stage.runtime.find_watched_pid("m1") is None
        assert stage.runtime.read_exit("m1").code == 3

    def test_a_new_launch_replaces_an_older_one(self, stage: Stage) -> None:
        first = stage.runtime.launch(stage.plan(1))
        second = stage.runtime.launch(stage.plan(2))
        assert first != second
        assert stage.runtime.find_watched_pid("m1") == second

    @pytest.mark.parametrize("code", [0, 3])
    def test_the_exit_code_is_kept(self, stage: Stage, code: int) -> None:
        stage.runtime.launch(stage.plan())
        stage.end("m1", code)
        stage.await_end("m1")
        report = stage.runtime.read_exit("m1")
        assert (report.code, report.signal, report.oom_killed) == (code, 0, False)

    def test_a_signal_ends_a_machine_that_listens(self, stage: Stage) -> None:
        stage.runtime.launch(stage.plan())
        stage.runtime.signal("m1", signal.SIGTERM)
        stage.await_end("m1")
        report = stage.runtime.read_exit("m1")
        assert (report.code, report.signal) == (128 + signal.SIGTERM, signal.SIGTERM)

    def test_killing_ends_a_machine_that_does_not_listen(self, stage: Stage) -> None:
        stage.runtime.launch(stage.plan(stubborn=True))
        stage.await_ready("m1")
        stage.runtime.signal("m1", signal.SIGTERM)
        assert stage.runtime.find_watched_pid("m1") is not None
        stage.runtime.kill_all("m1")
        stage.await_end("m1")
        report = stage.runtime.read_exit("m1")
        assert (report.code, report.signal) == (128 + signal.SIGKILL, signal.SIGKILL)

    def test_deleting_ends_it_and_forgets_it_twice(self, stage: Stage) -> None:
        stage.runtime.launch(stage.plan())
        stage.runtime.delete("m1")
        stage.runtime.delete("m1")
        assert stage.runtime.find_watched_pid("m1") is None
        assert stage.runtime.read_exit("m1") is None
        assert stage.runtime.list_names() == []

    def test_what_never_was_is_met_with_silence(self, stage: Stage) -> None:
        stage.runtime.signal("m1", signal.SIGTERM)
        stage.runtime.kill_all("m1")
        stage.runtime.delete("m1")
        stage.runtime.forget_log("m1")
        assert stage.runtime.find_watched_pid("m1") is None
        assert stage.runtime.read_exit("m1") is None
        assert stage.runtime.list_processes("m1") == []
        assert stage.runtime.list_names() == []

    def test_a_program_that_the_image_lacks_is_refused_and_leaves_nothing(self, stage: Stage) -> None:
        with pytest.raises(Invalid, match="nosuch: executable not found"):
            stage.runtime.launch(stage.plan_of("nosuch"))
        assert stage.runtime.list_names() == []

    def test_nothing_runs_inside_a_machine_that_is_stopped(self, stage: Stage) -> None:
        with pytest.raises(Conflict):
            stage.runtime.execute("m1", ["true"], stdin=b"", timeout=5, env={})

    def test_a_program_runs_inside_to_its_end(self, stage: Stage) -> None:
        stage.runtime.launch(stage.plan())
        assert stage.runtime.execute("m1", ["true"], stdin=b"", timeout=5, env={}).exit_code == 0
        assert stage.runtime.list_processes("m1")
