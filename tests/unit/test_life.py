"""How a machine's life goes on: a few lives as sentences, then thousands by hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caddis.domain.errors import Conflict
from caddis.domain.life import (
    DEFAULT_MAX_RETRIES,
    RESTING,
    STABLE_AFTER,
    DestroyAsked,
    Ended,
    Erase,
    Halt,
    HostGoesDown,
    Launch,
    Launched,
    LaunchFailed,
    RestartAsked,
    RestartAt,
    RestartDue,
    StartAsked,
    StopAsked,
    TearDown,
    decide,
    recall,
)
from caddis.domain.machine import ExitStatus, Machine, MachineConfig, MachineState, Restart, RestartPolicy

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def machine(state: MachineState = MachineState.CREATED, **changes: object) -> Machine:
    config = MachineConfig(
        image="tiny",
        restart=changes.pop("restart", Restart()),  # type: ignore[arg-type]
        auto_destroy=bool(changes.pop("auto_destroy", False)),
    )
    base = Machine(
        id="0123456789abcd",
        app="web",
        name="m",
        region="lhr",
        state=state,
        instance_id="01",
        config=config,
        raw_config={},
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def ended(code: int, at: datetime = NOW) -> Ended:
    return Ended(ExitStatus(code=code, at=at))


def test_a_created_machine_is_launched_when_asked() -> None:
    after, instructions = decide(machine(), StartAsked())
    assert (after.state, instructions) == (MachineState.STARTING, (Launch(),))


def test_starting_a_started_machine_changes_nothing() -> None:
    after, instructions = decide(machine(MachineState.STARTED), StartAsked())
    assert (after.state, instructions) == (MachineState.STARTED, ())


def test_a_stop_sends_the_configured_signal_and_the_exit_then_stops_it() -> None:
    stopping, instructions = decide(machine(MachineState.STARTED), StopAsked())
    assert instructions == (Halt("SIGINT", 5.0),)
    stopped, instructions = decide(stopping, ended(0))
    assert (stopped.state, instructions) == (MachineState.STOPPED, (TearDown(),))
    assert stopped.exit is not None and stopped.exit.requested


def test_a_stop_during_the_launch_is_met_once_it_runs() -> None:
    starting, _ = decide(machine(), StartAsked())
    asked, instructions = decide(starting, StopAsked("SIGTERM", 3.0))
    assert (asked.state, instructions) == (MachineState.STARTING, ())
    stopping, instructions = decide(asked, Launched(NOW))
    assert (stopping.state, instructions) == (MachineState.STOPPING, (Halt("SIGTERM", 3.0),))


def test_a_failing_process_is_restarted_with_growing_pauses_until_the_retries_are_used_up() -> None:
    now, current, pauses = NOW, machine(MachineState.STARTED, started_at=NOW), []
    while True:
        current, instructions = decide(current, ended(1, now))
        if current.state is MachineState.STOPPED:
            break
        assert instructions[0] == TearDown() and isinstance(instructions[1], RestartAt)
        pauses.append((instructions[1].at - now).total_seconds())
        now = instructions[1].at
        current, instructions = decide(current, RestartDue())
        assert instructions == (Launch(),)
        current, _ = decide(current, Launched(now))
    assert len(pauses) == DEFAULT_MAX_RETRIES
    assert pauses == sorted(pauses) and pauses[0] == 0 and pauses[-1] == 60


def test_a_process_that_ran_long_enough_starts_its_count_of_restarts_anew() -> None:
    long_ago = NOW - STABLE_AFTER
    after, _ = decide(machine(MachineState.STARTED, started_at=long_ago, restart_count=9), ended(1))
    assert after.restart_count == 1


def test_on_failure_does_not_restart_what_ended_well() -> None:
    after, instructions = decide(machine(MachineState.STARTED), ended(0))
    assert (after.state, instructions) == (MachineState.STOPPED, (TearDown(),))


def test_always_restarts_also_what_ended_well() -> None:
    after, _ = decide(machine(MachineState.STARTED, restart=Restart(policy=RestartPolicy.ALWAYS)), ended(0))
    assert after.state is MachineState.RESTARTING


def test_an_auto_destroyed_machine_goes_when_its_process_ends() -> None:
    lone = machine(MachineState.STARTED, auto_destroy=True, restart=Restart(policy=RestartPolicy.NO))
    after, instructions = decide(lone, ended(3))
    assert (after.state, instructions) == (MachineState.DESTROYING, (Erase(),))


@pytest.mark.parametrize("policy", list(RestartPolicy))
def test_an_auto_destroyed_machine_goes_when_it_was_stopped_on_request_and_not_when_its_host_goes_down(
    policy: RestartPolicy,
) -> None:
    lone = machine(MachineState.STARTED, auto_destroy=True, restart=Restart(policy=policy))
    after, instructions = decide(decide(lone, StopAsked())[0], ended(130))
    assert (after.state, instructions) == (MachineState.DESTROYING, (Erase(),))
    after, _ = decide(decide(lone, HostGoesDown())[0], ended(130))
    assert after.state is MachineState.STOPPED and after.resume


def test_a_started_machine_is_only_destroyed_with_force() -> None:
    with pytest.raises(Conflict, match="--force"):
        decide(machine(MachineState.STARTED), DestroyAsked())
    killed, instructions = decide(machine(MachineState.STARTED), DestroyAsked(kill=True))
    assert instructions == (Halt("SIGKILL", 0.0),)
    gone, instructions = decide(killed, ended(137))
    assert (gone.state, instructions) == (MachineState.DESTROYING, (Erase(),))


@pytest.mark.parametrize("policy", list(RestartPolicy))
@pytest.mark.parametrize("auto_destroy", [False, True])
def test_what_ended_with_its_host_starts_again_whatever_its_policy_and_has_not_failed(
    policy: RestartPolicy, auto_destroy: bool
) -> None:
    lone = machine(MachineState.STARTED, restart=Restart(policy=policy), auto_destroy=auto_destroy, restart_count=9)
    after, instructions = decide(lone, Ended(ExitStatus(code=-1, at=NOW), with_host=True))
    assert (after.state, after.restart_count) == (MachineState.RESTARTING, 0)
    assert instructions == (TearDown(), RestartAt(NOW))


def test_what_was_being_stopped_when_its_host_went_down_is_stopped() -> None:
    stopping, _ = decide(machine(MachineState.STARTED), StopAsked())
    after, _ = decide(stopping, Ended(ExitStatus(code=-1, at=NOW), with_host=True))
    assert after.state is MachineState.STOPPED
    doomed, _ = decide(machine(MachineState.STARTED), DestroyAsked(kill=True))
    assert decide(doomed, Ended(ExitStatus(code=-1, at=NOW), with_host=True))[1] == (Erase(),)


def test_a_restart_ends_the_process_and_launches_it_at_once() -> None:
    stopping, _ = decide(machine(MachineState.STARTED, restart=Restart(policy=RestartPolicy.NO)), RestartAsked())
    again, instructions = decide(stopping, ended(0))
    assert (again.state, instructions) == (MachineState.RESTARTING, (TearDown(), RestartAt(NOW)))


def test_a_launch_that_failed_leaves_a_machine_that_can_be_started_again() -> None:
    starting, _ = decide(machine(), StartAsked())
    failed, _ = decide(starting, LaunchFailed("no such program", NOW))
    assert (failed.state, failed.problem) == (MachineState.FAILED, "no such program")
    assert decide(failed, StartAsked())[1] == (Launch(),)


def test_a_restart_that_cannot_be_launched_is_tried_again_as_often_as_the_policy_says() -> None:
    """Nobody waits for it, and what hindered it may pass; a person's start or restart fails at once."""
    current, now, starts = machine(MachineState.STARTED, restart=Restart(max_retries=3)), NOW, 0
    current, _ = decide(current, ended(1, now))
    while current.state is MachineState.RESTARTING:
        assert current.restart_at is not None and current.restart_at >= now
        now, starts = current.restart_at, starts + 1
        current, _ = decide(current, RestartDue())
        current, _ = decide(current, LaunchFailed("the disk is busy", now))
    assert (current.state, current.problem, starts) == (MachineState.FAILED, "the disk is busy", 3)
    asked, _ = decide(current, StartAsked())
    assert decide(asked, LaunchFailed("still busy", now))[0].state is MachineState.FAILED
    stopping, _ = decide(machine(MachineState.STARTED), RestartAsked())
    again, _ = decide(decide(stopping, ended(0))[0], RestartDue())
    assert decide(again, LaunchFailed("busy", now))[0].state is MachineState.FAILED


def test_a_restart_after_a_reboot_is_tried_again_too() -> None:
    lost, _ = decide(machine(MachineState.STARTED), Ended(ExitStatus(code=-1, at=NOW), with_host=True))
    starting, _ = decide(lost, RestartDue())
    after, instructions = decide(starting, LaunchFailed("the pool is not there yet", NOW))
    assert (after.state, instructions) == (MachineState.RESTARTING, (RestartAt(NOW),))


EVENTS = st.one_of(
    st.just(StartAsked()),
    st.builds(StopAsked, st.sampled_from([None, "SIGTERM"]), st.sampled_from([None, 0.0, 1.0])),
    st.just(RestartAsked()),
    st.builds(DestroyAsked, st.booleans()),
    st.just("world"),
)


@settings(max_examples=400)
@given(
    st.lists(st.tuples(EVENTS, st.integers(0, 2), st.booleans()), max_size=30),
    st.sampled_from(list(RestartPolicy)),
    st.booleans(),
)
def test_no_life_runs_into_a_corner(events: list[tuple[object, int, bool]], policy: RestartPolicy, auto: bool) -> None:
    """Play any wishes against a world that answers each instruction; every state must know what it waits for."""
    current, now, pending = machine(restart=Restart(policy=policy), auto_destroy=auto), NOW, []
    for event, code, well in events:
        now += timedelta(seconds=1)
        try:
            if event == "world":
                if not pending:
                    continue
                doing = pending.pop(0)
                if isinstance(doing, Launch):
                    answer: object = Launched(now) if well else LaunchFailed("no", now)
                elif isinstance(doing, Halt):
                    answer = Ended(ExitStatus(code=code, at=now), with_host=not well)
                elif isinstance(doing, RestartAt):
                    answer = RestartDue()
                elif isinstance(doing, Erase):
                    current = replace(current, state=MachineState.DESTROYED)
                    continue
                else:
                    continue
                current, instructions = decide(current, answer)  # type: ignore[arg-type]
            else:
                current, instructions = decide(current, event)  # type: ignore[arg-type]
        except Conflict:
            continue
        pending += instructions
        waits_for = {
            MachineState.STARTING: Launch,
            MachineState.STOPPING: Halt,
            MachineState.RESTARTING: RestartAt,
            MachineState.DESTROYING: Erase,
        }.get(current.state)
        assert waits_for is None or any(isinstance(one, waits_for) for one in pending), (current.state, pending)
        if current.state not in RESTING | {MachineState.STARTED, MachineState.DESTROYED}:
            assert recall(current), "after an agent's death this state would be forgotten"
