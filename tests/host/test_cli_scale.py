"""`fly scale` against a fake API: words, questions, what is asked of the server, and where it stops."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from real_machines import wait_until

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host

GUEST = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
DEFINITION = {"app": "myapp", "primary_region": "lhr", "mounts": [{"source": "data", "destination": "/data"}]}


def config(group: str = "app", **more: Any) -> dict[str, Any]:
    metadata = {"fly_platform_version": "v2", "fly_process_group": group, "fly_release_version": "1"}
    return {"image": "web:1", "guest": GUEST, "env": {"A": "1"}, "metadata": metadata, **more}


def release(fly: Fly, **definition: Any) -> None:
    document = {**DEFINITION, **definition}
    fly.api.releases.append(
        {"id": "rel_1", "version": 1, "app_name": "myapp", "status": "complete", "definition": document}
        | {"image_ref": "web:1"}
    )


def with_volume(fly: Fly, **more: Any) -> tuple[str, str]:
    """A machine and its volume."""
    volume = fly.api.add_volume("myapp", size_gb=3)
    mount = {"volume": volume, "path": "/data", "name": "data", "size_gb": 3, "encrypted": True, "add_size_gb": 1}
    return fly.api.add_machine("myapp", config(mounts=[mount], **more)), volume


def bodies(fly: Fly, kind: str) -> list[Any]:
    return [body for method, path, body in fly.api.requests if method == "POST" and path == f"/v1/apps/myapp/{kind}"]


@pytest.fixture(autouse=True)
def _app(fly: Fly) -> None:
    fly.api.add_app("myapp")


# --- count ------------------------------------------------------------------------------------------------------------
def test_a_second_machine_gets_a_new_volume_like_the_first_one_s(fly: Fly) -> None:
    release(fly)
    with_volume(fly)
    said = fly("scale", "count", "2", "-a", "myapp", "-y")
    assert said.code == 0
    new = max(fly.api.machines)
    volume = fly.api.machines[new]["config"]["mounts"][0]["volume"]
    assert said.out == (
        "App 'myapp' is going to be scaled according to this plan:\n"
        "  +1 machines for group 'app' on region 'lhr' of size 'shared-cpu-1x'\n"
        "  +1 volumes  for group 'app' in region 'lhr'\n"
        "Executing scale plan\n"
        "  Creating volume data region:lhr size:3GiB\n"
        f"  Created {new} group:app region:lhr size:shared-cpu-1x volume:{volume}\n"
    )
    assert fly.api.machines[new]["config"]["mounts"] == [
        {"volume": volume, "path": "/data", "name": "data", "add_size_gb": 1}
    ]
    (wish,) = bodies(fly, "volumes")
    assert (wish["size_gb"], wish["encrypted"], wish["compute"]) == (3, True, GUEST)
    assert fly.api.leases == {}


def test_down_to_none_and_up_again_takes_the_old_volume_back(fly: Fly) -> None:
    release(fly)
    machine, volume = with_volume(fly)
    said = fly("scale", "count", "0", "-a", "myapp", "--yes")
    assert f"  Destroyed {machine} group:app region:lhr size:shared-cpu-1x\n" in said.out
    assert f"Volume {volume} stays, unattached" in said.err and fly.api.machines == {}
    said = fly("scale", "count", "1", "-a", "myapp", "--yes")
    assert f"   1 unattached volumes to be assigned to group 'app' in region 'lhr': {volume}\n" in said.out
    assert "now has one machine, whose volume is on one host" in said.err
    (machine,) = fly.api.machines
    made = fly.api.machines[machine]["config"]
    assert made["mounts"] == [{"volume": volume, "path": "/data", "name": "data"}]
    assert made["metadata"]["fly_process_group"] == "app" and bodies(fly, "volumes") == []


def test_volumes_that_are_all_in_one_zone_are_mentioned(fly: Fly) -> None:
    release(fly)
    with_volume(fly)  # in zone a001, as every volume of the fake with an odd number
    said = fly("scale", "count", "+1", "-a", "myapp", "--yes")
    assert "the 2 volumes of group 'app' are all in zone a001" in said.err


def test_what_is_so_already_is_said_in_one_line(fly: Fly) -> None:
    release(fly)
    with_volume(fly)
    said = fly("scale", "count", "1", "-a", "myapp")
    assert (said.code, said.out) == (0, "App 'myapp' is already scaled as asked: nothing to do\n")


def test_a_question_is_asked_and_no_means_no(fly: Fly) -> None:
    release(fly)
    with_volume(fly)
    said = fly("scale", "count", "2", "-a", "myapp")
    assert said.code == 1 and "yes flag must be specified" in said.err
    talk = fly.talk("scale", "count", "2", "-a", "myapp")
    talk.expect("Scale app myapp? (y/N)")
    talk.answer("n\n")
    assert talk.end() == 0
    assert len(fly.api.machines) == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["wbe=2"], "'wbe' is not in the app's configuration: it has app"),
        (["x"], "'x' is not a valid process=count option"),
        (["3", "--max-per-region", "2"], "fewer than the expected total of 3"),
        (["2", "--region", "xyz"], "region xyz not found"),
        (["2", "--from-snapshot", "last"], "there is no finished snapshot of volume"),
        (["2", "--from-snapshot", ""], "--from-snapshot is empty"),
        (["2", "--env", "A"], "--env 'A' is not NAME=VALUE"),
        (["2", "--vm-memory", "100"], "must be a multiple of 256"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked_for(fly: Fly, words: list[str], complaint: str) -> None:
    release(fly)
    with_volume(fly)
    said = fly("scale", "count", *words, "-a", "myapp", "-y")
    assert said.code == 1 and complaint in said.err
    assert {method for method, _, _ in fly.api.requests} <= {"GET"}


def test_without_a_release_there_is_nothing_to_make_more_of(fly: Fly) -> None:
    said = fly("scale", "count", "2", "-a", "myapp", "-y")
    assert said.code == 1
    assert "the app myapp has no complete release yet" in said.err and "fly deploy -a myapp" in said.err


def test_the_newest_snapshot_fills_new_volumes_and_those_that_wait_are_mentioned(fly: Fly) -> None:
    release(fly)
    _, volume = with_volume(fly)
    fly.api.snapshots[volume] = [
        {"id": "vs_1", "status": "created", "created_at": "2026-01-01"},
        {"id": "vs_2", "status": "created", "created_at": "2026-01-02"},
        {"id": "vs_3", "status": "running", "created_at": "2026-01-03"},
    ]
    waiting = fly.api.add_volume("myapp")
    said = fly("scale", "count", "3", "-a", "myapp", "-y", "--from-snapshot", "last", "-e", "B=2")
    assert f"{waiting} in region lhr are used before any new volume" in said.err
    assert "  Creating volume data region:lhr size:3GiB from-snapshot:vs_2\n" in said.out
    assert [wish["snapshot_id"] for wish in bodies(fly, "volumes")] == ["vs_2"]
    assert [body["config"]["env"] for body in bodies(fly, "machines")] == [{"A": "1", "B": "2"}] * 2


def test_standbys_go_first_and_new_machines_are_nobody_s_standby(fly: Fly) -> None:
    release(fly, mounts=[])
    active = fly.api.add_machine("myapp", config())
    standby = fly.api.add_machine(
        "myapp", config(standbys=[active], env={"A": "1", "FLY_STANDBY_FOR": active}), state="stopped"
    )
    fly("scale", "count", "1", "-a", "myapp", "-y")
    assert list(fly.api.machines) == [active] and standby not in fly.api.machines
    fly("scale", "count", "2", "-a", "myapp", "-y")
    assert all("standbys" not in machine["config"] for machine in fly.api.machines.values())


def test_a_failure_in_the_middle_tells_what_there_is_and_a_second_run_goes_on(fly: Fly) -> None:
    release(fly)
    machine, _ = with_volume(fly)
    fly.api.machines[machine]["config"]["image"] = "crash"
    said = fly("scale", "count", "2", "-a", "myapp", "-y")
    new = max(fly.api.machines)
    assert said.code == 1 and f"machine {new} was made and could not be started" in said.err
    assert f"Until then: created {new}. To go on from there: fly scale count app=2 -a myapp" in said.err
    assert fly.api.leases == {}
    assert "nothing to do" in fly("scale", "count", "2", "-a", "myapp", "-y").out


def test_ctrl_c_gives_the_leases_back_and_tells_how_to_go_on(fly: Fly) -> None:
    release(fly)
    machine, _ = with_volume(fly)
    fly.api.machines[machine]["config"]["image"] = "slow"  # the new one never gets there
    talk = fly.talk("scale", "count", "2", "-a", "myapp", "-y")
    wait_until(lambda: any("/wait" in path for _, path, _ in list(fly.api.requests)), "it waits for the new one")
    assert fly.api.leases
    talk.answer("\x03")
    assert talk.end() == 127
    assert f"Until then: created {max(fly.api.machines)} (steps under way that may yet end: 1)" in talk.seen
    assert "To go on from there: fly scale count app=2 -a myapp" in talk.seen
    assert fly.api.leases == {}


def test_somebody_else_s_lease_stops_it_before_anything_changes(fly: Fly) -> None:
    release(fly)
    machine, _ = with_volume(fly)
    fly.api.leases[machine] = "somebody"
    said = fly("scale", "count", "2", "-a", "myapp", "-y")
    assert said.code == 1 and "lease currently held" in said.err
    assert len(fly.api.machines) == 1


def test_a_group_without_machines_comes_from_the_release(fly: Fly) -> None:
    release(fly, processes={"web": "", "worker": "run me"}, mounts=[])
    fly.api.add_machine("myapp", config("web"))
    said = fly("scale", "count", "worker=1", "-a", "myapp", "-y", "--vm-size", "shared-cpu-2x")
    assert "  +1 machines for group 'worker' on region 'lhr' of size 'shared-cpu-2x'\n" in said.out
    made = fly.api.machines[max(fly.api.machines)]["config"]
    assert (made["init"]["cmd"], made["guest"]["memory_mb"], made["env"]["FLY_PROCESS_GROUP"]) == (
        ["run", "me"],
        512,
        "worker",
    )
    said = fly("scale", "count", "2", "-a", "myapp", "-y")
    assert said.code == 1 and "several process groups (web, worker)" in said.err
    assert fly("scale", "count", "-1", "-g", "worker", "-a", "myapp", "-y").code == 0
    assert len(fly.api.machines) == 1


# --- show, vm, memory -------------------------------------------------------------------------------------------------
def test_show_tells_size_and_regions_of_each_group(fly: Fly) -> None:
    for region in ("lhr", "lhr", "ams"):
        fly.api.add_machine("myapp", config("web"), region=region)
    fly.api.add_machine("myapp", config("worker"))
    assert fly("scale", "show", "-a", "myapp").out == (
        "VM Resources for app: myapp\n\n"
        "Groups\n"
        " NAME   │ COUNT │ KIND   │ CPUS │ MEMORY │ REGIONS    \n"
        " web    │ 3     │ shared │ 1    │ 256 MB │ ams,lhr(2) \n"
        " worker │ 1     │ shared │ 1    │ 256 MB │ lhr        \n\n"
    )
    told = json.loads(fly("scale", "show", "-a", "myapp", "-j").out)
    assert told[0] == {
        "Process": "web",
        "Count": 3,
        "CPUKind": "shared",
        "CPUs": 1,
        "Memory": 256,
        "Regions": {"ams": 1, "lhr": 2},
    }


def test_another_size_is_given_to_one_machine_after_the_other_and_fly_toml_is_compared(fly: Fly) -> None:
    first, volume = with_volume(fly)
    stopped = fly.api.add_machine("myapp", config(), state="stopped")
    fly.write("fly.toml", 'app = "myapp"\n[[vm]]\nsize = "shared-cpu-1x"\n')
    said = fly("scale", "vm", "shared-cpu-2x")
    assert said.out == (
        f"Updating machine {first}\nUpdating machine {stopped}\n"
        "Scaled VM Type to 'shared-cpu-2x'\n      CPU Cores: 2\n         Memory: 512 MB\n"
    )
    assert "[[vm]] in fly.toml says shared-cpu-1x with 256 MB" in said.err
    assert {one["config"]["guest"]["cpus"] for one in fly.api.machines.values()} == {2}
    assert fly.api.machines[first]["config"]["mounts"][0]["volume"] == volume
    assert fly.api.machines[stopped]["state"] == "stopped" and fly.api.leases == {}
    said = fly("scale", "memory", "1gb")
    assert "         Memory: 1024 MB\n" in said.out
    assert fly("scale", "memory", "1024").out.startswith(f"Machine {first} has that size already\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["vm", "shared-cpu-3x"], "'shared-cpu-3x', which is not a size: use one of shared-cpu-1x"),
        (["vm", "a10"], "machines with GPUs are not supported"),
        (["memory", "100"], "with 1 shared CPU it must be a multiple of 256 from 256 to 2048"),
        (["memory", "lots"], "'lots' is not a size"),
        (["memory", "512", "-g", "nobody"], "No active machines in process group 'nobody'"),
    ],
)
def test_a_size_that_is_none_is_refused(fly: Fly, words: list[str], complaint: str) -> None:
    with_volume(fly)
    said = fly("scale", *words, "-a", "myapp")
    assert said.code == 1 and complaint in said.err
    assert not any(method == "POST" for method, _, _ in fly.api.requests)


def test_with_several_groups_one_must_be_named(fly: Fly) -> None:
    fly.api.add_machine("myapp", config("web"))
    fly.api.add_machine("myapp", config("worker"))
    said = fly("scale", "memory", "512", "-a", "myapp")
    assert said.code == 1 and "requires specifying a group: web, worker" in said.err
    assert fly("scale", "memory", "512", "-a", "myapp", "--group", "worker").code == 0
    assert [one["config"]["guest"]["memory_mb"] for one in fly.api.machines.values()] == [256, 512]
