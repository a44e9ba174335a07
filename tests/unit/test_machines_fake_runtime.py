"""The kept fakes answer to the same contract as runc."""

from __future__ import annotations

from pathlib import Path

import pytest

from caddis.machines.plan import LaunchPlan
from contracts.runtime_contract import RuntimeContract, Stage
from fakes.network import FakeNetwork
from fakes.roots import FakeRoots
from fakes.runtime import FakeRuntime


class FakeStage(Stage):
    def __init__(self) -> None:
        self.runtime = FakeRuntime()
        self.runtime.absent_commands.add("nosuch")

    def plan(self, launch: int = 1, *, stubborn: bool = False, name: str = "m1") -> LaunchPlan:
        if stubborn:
            self.runtime.stubborn.add(name)
        return LaunchPlan(name=name, launch=launch, root="/r", argv=("serve",), env={}, hostname=name, netns="/n")

    def plan_of(self, program: str) -> LaunchPlan:
        return LaunchPlan(name="m1", launch=1, root="/r", argv=(program,), env={}, hostname="m1", netns="/n")

    def end(self, name: str, code: int) -> None:
        self.runtime.end(name, code)

    def await_ready(self, name: str) -> None:
        """At once."""

    def await_end(self, name: str) -> None:
        assert self.runtime.find_watched_pid(name) is None


@pytest.fixture
def stage() -> FakeStage:
    return FakeStage()


class TestFakeRuntime(RuntimeContract):
    pass


def test_what_is_left_is_told(stage: FakeStage) -> None:
    stage.runtime.launch(stage.plan())
    assert stage.runtime.leftovers() == ["container m1", "log m1"]
    stage.runtime.delete("m1")
    stage.runtime.forget_log("m1")
    assert stage.runtime.leftovers() == []


def test_an_end_that_nobody_saw_has_no_report(stage: FakeStage) -> None:
    stage.runtime.launch(stage.plan())
    stage.runtime.end_unseen("m1")
    assert stage.runtime.find_watched_pid("m1") is None
    assert stage.runtime.read_exit("m1") is None


def test_two_machines_never_share_an_address() -> None:
    network = FakeNetwork()
    network.ensure_host()
    network.connect("m1", network.addresses(1))
    with pytest.raises(AssertionError):
        network.connect("m2", network.addresses(1))
    assert network.leftovers() == ["namespace m1", "bridge"]


def test_a_root_is_made_anew_after_it_was_unmounted(tmp_path: Path) -> None:
    roots = FakeRoots(tmp_path)
    folder = Path(roots.mount("m1", "/image", "/scratch"))
    roots.write_file("m1", "/etc/motd", b"hello", 0o600)
    assert (folder / "etc/motd").read_bytes() == b"hello"
    roots.unmount("m1")
    assert roots.leftovers() == []
    assert list(Path(roots.mount("m1", "/image", "/scratch")).iterdir()) == []
