"""`fly machine` against a fake API: run, create, update, clone and the small verbs: words, questions, refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host

GUEST = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
CONFIG = {"image": "web:1", "guest": GUEST, "env": {"A": "1"}, "init": {}, "metadata": {}}


def bodies(fly: Fly, kind: str) -> list[Any]:
    return [body for method, path, body in fly.api.requests if method == "POST" and path == f"/v1/apps/myapp/{kind}"]


def changes(fly: Fly) -> list[str]:
    return [path for method, path, _ in fly.api.requests if method != "GET"]


def mounted(fly: Fly, **more: Any) -> tuple[str, str]:
    volume = fly.api.add_volume("myapp", size_gb=2)
    mount = {"volume": volume, "path": "/data", "name": "data", "size_gb": 2, "encrypted": True}
    return fly.api.add_machine("myapp", {**CONFIG, "mounts": [mount], **more}), volume


@pytest.fixture(autouse=True)
def _app(fly: Fly) -> None:
    fly.api.add_app("myapp")


# --- run and create ---------------------------------------------------------------------------------------------------
def test_run_creates_starts_and_tells_where_it_is(fly: Fly) -> None:
    words = ["-e", "A=1", "-m", "role=web", "-p", "80:8080/tcp:http", "--restart", "always", "--name", "one"]
    said = fly("machine", "run", "web:1", "-a", "myapp", *words, "--", "sh", "-c", "echo hi")
    (machine,) = fly.api.machines
    assert said.code == 0, said.err
    assert said.out == (
        "Searching for image 'web:1' remotely...\n"
        "Success! A Machine has been successfully launched in app myapp\n"
        f" Machine ID: {machine}\n Instance ID: 011\n State: started\n"
        "\nAttempting to start machine...\n\n"
        "No health checks found\n"
        "Machine started, you can connect via the following private ip\n  fdaa::1\n"
    )
    (body,) = bodies(fly, "machines")
    assert (body["name"], body["region"], body["skip_launch"]) == ("one", "", False)
    assert body["config"] == {
        "image": "web:1",
        "env": {"A": "1"},
        "metadata": {"role": "web"},
        "guest": GUEST,
        "init": {"cmd": ["sh", "-c", "echo hi"]},
        "restart": {"policy": "always"},
        "services": [{"protocol": "tcp", "internal_port": 8080, "ports": [{"port": 80, "handlers": ["http"]}]}],
        "auto_destroy": False,
        "mounts": [],
    }


def test_create_does_not_start_and_rm_means_no_restart(fly: Fly) -> None:
    said = fly("machine", "create", "web:1", "-a", "myapp", "--rm", "--vm-memory", "512", "--rootfs-size", "2")
    assert said.out.splitlines()[1] == "Success! A Machine has been successfully created in app myapp"
    assert "Attempting to start" not in said.out
    (body,) = bodies(fly, "machines")
    assert body["skip_launch"] is True and body["config"]["auto_destroy"] is True
    assert body["config"]["restart"] == {"policy": "no"} and body["config"]["rootfs"] == {"size_gb": 2}


def test_a_folder_is_built(fly: Fly) -> None:
    fly.write("Dockerfile", "FROM scratch\n")
    said = fly("machine", "run", ".", "-a", "myapp", "--detach")
    assert said.code == 0 and "image: web:deployment-1" in said.out
    assert bodies(fly, "machines")[0]["config"]["image"] == "web:deployment-1"
    assert "there is no folder ./nowhere" in fly("machine", "run", "./nowhere", "-a", "myapp").err


def test_a_volume_is_taken_by_its_id_or_the_first_free_one_of_the_name_in_the_region(fly: Fly) -> None:
    fly.api.add_volume("myapp", region="ord")
    fly.api.add_volume("myapp", attached_machine_id="somebody")
    free = fly.api.add_volume("myapp")
    fly("machine", "run", "web:1", "-a", "myapp", "-v", "data:/data:rw")
    fly("machine", "run", "web:1", "-a", "myapp", "-v", "vol_0000000000000001:/x")
    first, second = (body for body in bodies(fly, "machines"))
    assert (first["region"], first["config"]["mounts"]) == ("lhr", [{"volume": free, "path": "/data"}])
    assert (second["region"], second["config"]["mounts"]) == ("", [{"volume": "vol_0000000000000001", "path": "/x"}])
    said = fly("machine", "run", "web:1", "-a", "myapp", "-v", "data:/data")
    assert "Error: No unattached volumes in region 'lhr'" in said.err
    assert "fly volumes create data --region lhr -a myapp" in said.err
    fly.api.add_volume("myapp", "other")
    said = fly("machine", "run", "web:1", "-a", "myapp", "-v", "data:/data")
    assert "not enough unattached volumes for 'data'" in said.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-v", "data"], "Can't infer volume and mount path from 'data'"),
        (["-v", "a:/a,b:/b"], "a machine mounts at most one volume"),
        (["-p", "x"], "--port 'x' is not a port"),
        (["-e", "A"], "--env 'A' is not NAME=VALUE"),
        (["--restart", "sometimes"], "use one of no, always, on-failure"),
        (["--schedule", "yearly"], "use one of hourly, daily, weekly, monthly"),
        (["--kernel-arg", "quiet"], "machines share the kernel of their host"),
        (["--cachedrive-size", "1"], "there are no cache drives here"),
        (["--rootfs-persist", "always"], "the root file system is new at every start"),
        (["--rootfs-size", "0"], "a root file system has 1 GB or more"),
        (["--vm-memory", "100"], "must be a multiple of 256"),
        (["--autostop", "maybe"], "use one of off, stop, suspend"),
        (["--file-local", "/a=nowhere"], "could not read file nowhere"),
        (["--file-literal", "a=b"], "is not /path/inside=WHAT"),
        (["--machine-config", "nowhere.json"], "cannot read nowhere.json"),
        (["--machine-config", "[1]"], "cannot read [1]"),
        (["--machine-config", "{"], "--machine-config is not JSON"),
        (["--region", "mars"], "region mars not found"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(fly: Fly, words: list[str], complaint: str) -> None:
    said = fly("machine", "run", "web:1", "-a", "myapp", *words)
    assert said.code == 1 and complaint in said.err, said
    assert changes(fly) == []


def test_what_has_no_effect_here_is_kept_and_said(fly: Fly) -> None:
    words = ["--swap-size", "512", "-p", "80", "--autostop", "stop", "--skip-dns-registration"]
    said = fly("machine", "create", "web:1", "-a", "myapp", *words)
    assert "machines have no swap here" in said.err and "no proxy here starts or stops machines" in said.err
    config = bodies(fly, "machines")[0]["config"]
    assert config["init"]["swap_size_mb"] == 512 and config["services"][0]["autostop"] is True
    assert config["dns"] == {"skip_registration": True}


def test_a_config_may_come_as_json_and_files_go_along(fly: Fly) -> None:
    fly.write("config.json", json.dumps({"env": {"A": "1"}, "flavour": 1}))
    fly.write("motd", "hello")
    words = [
        "--machine-config",
        "config.json",
        "--file-local",
        "/etc/motd=motd",
        "--file-secret",
        "/key=KEY",
        "-e",
        "B=2",
    ]
    fly("machine", "create", "web:1", "-a", "myapp", *words)
    config = bodies(fly, "machines")[0]["config"]
    assert (config["env"], config["flavour"]) == ({"A": "1", "B": "2"}, 1)
    assert config["files"] == [
        {"guest_path": "/etc/motd", "raw_value": "aGVsbG8="},
        {"guest_path": "/key", "secret_name": "KEY"},
    ]


def test_an_app_that_is_not_there_is_offered_or_named(fly: Fly) -> None:
    said = fly("machine", "run", "web:1", "-a", "newapp")
    assert said.code == 1 and "could not find app 'newapp'" in said.err and "fly apps create newapp" in said.err
    talk = fly.talk("machine", "run", "web:1", "-a", "newapp")
    talk.expect("App 'newapp' does not exist, would you like to create it? (y/N)")
    talk.answer("y\n")
    assert talk.end() == 0 and "Machine started" in talk.seen
    assert "newapp" in fly.api.apps


def test_a_machine_that_cannot_be_started_is_named(fly: Fly) -> None:
    said = fly("machine", "run", "crash", "-a", "myapp")
    (machine,) = fly.api.machines
    assert said.code == 1 and f"machine {machine} was made and could not be started" in said.err


# --- update -----------------------------------------------------------------------------------------------------------
def test_update_shows_what_changes_and_asks(fly: Fly) -> None:
    machine, volume = mounted(fly)
    talk = fly.talk("machine", "update", machine, "-a", "myapp", "--mount-point", "/srv", "-e", "B=2", "-m", "role=x")
    talk.expect("Apply changes? (y/N)")
    assert f"Configuration changes to be applied to machine: {machine} (name-2)" in talk.seen
    assert (
        '-      "path": "/data"' in talk.seen and '+      "path": "/srv"' in talk.seen and '+    "B": "2"' in talk.seen
    )
    talk.answer("n\n")
    assert talk.end() == 0 and talk.seen.endswith("No changes to apply\n")
    said = fly("machine", "update", machine, "-a", "myapp", "--mount-point", "/srv", "-y")
    assert said.code == 0 and f"Machine {machine} updated successfully!" in said.out
    assert fly.api.machines[machine]["config"]["mounts"][0] == {
        "volume": volume,
        "path": "/srv",
        "name": "data",
        "size_gb": 2,
        "encrypted": True,
    }
    assert fly.api.leases == {}


def test_an_update_without_a_change_is_an_error_and_one_without_yes_needs_a_terminal(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", CONFIG)
    assert "no config changes found" in fly("machine", "update", machine, "-a", "myapp", "-e", "A=1").err
    assert "yes flag must be specified" in fly("machine", "update", machine, "-a", "myapp", "-e", "B=1").err
    said = fly("machine", "update", machine, "-a", "myapp", "--mount-point", "/x", "-y")
    assert "Error: Machine doesn't have a volume attached" in said.err
    fly.api.machines[machine]["host_status"] = "unreachable"
    assert "a host that does not answer" in fly("machine", "update", machine, "-a", "myapp", "-e", "B=1", "-y").err
    assert changes(fly) == []


def test_an_update_can_leave_it_stopped_and_change_image_and_command(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", CONFIG, state="stopped")
    fly(
        "m",
        "update",
        machine,
        "-a",
        "myapp",
        "-i",
        "web:2",
        "-C",
        "run 'a b'",
        "--vm-memory",
        "512",
        "--skip-start",
        "-y",
    )
    config = fly.api.machines[machine]["config"]
    assert (config["image"], config["init"], config["guest"]["memory_mb"]) == ("web:2", {"cmd": ["run", "a b"]}, 512)
    assert fly.api.machines[machine]["state"] == "stopped"


# --- clone ------------------------------------------------------------------------------------------------------------
def test_a_clone_gets_an_empty_volume_like_the_source_s(fly: Fly) -> None:
    machine, _ = mounted(fly)
    said = fly("machine", "clone", machine, "-a", "myapp")
    new = max(fly.api.machines)
    assert said.out == (
        f"Cloning Machine {machine} into region lhr\n"
        "Volume 'data' will start empty\n"
        "Provisioning a new Machine with image web:1...\n"
        f"  Machine {new} has been created...\n"
        f"  Waiting for Machine {new} to start...\n"
        "Machine has been successfully cloned!\n"
    )
    (wish,) = bodies(fly, "volumes")
    assert (wish["name"], wish["size_gb"], wish["encrypted"], wish["require_unique_zone"]) == ("data", 2, True, True)


def test_a_clone_can_begin_with_a_snapshot(fly: Fly) -> None:
    machine, volume = mounted(fly)
    said = fly("machine", "clone", machine, "-a", "myapp", "--from-snapshot", "last", "--detach")
    assert f"No snapshot for source volume {volume}, the new volume will start empty" in said.err
    fly.api.snapshots[volume] = [{"id": "vs_1", "status": "created", "created_at": "1"}]
    words = ["--from-snapshot", "last", "--volume-requires-unique-zone=false"]
    assert "from snapshot: vs_1\n" in fly("machine", "clone", machine, "-a", "myapp", *words).out
    assert [(wish["snapshot_id"], wish["require_unique_zone"]) for wish in bodies(fly, "volumes")] == [
        (None, True),
        ("vs_1", False),
    ]


def test_a_clone_can_take_a_volume_that_is_there(fly: Fly) -> None:
    machine, taken = mounted(fly)
    plain = fly.api.add_machine("myapp", CONFIG)
    free = fly.api.add_volume("myapp")
    for source, words, complaint in (
        (machine, ["--attach-volume", taken], f"volume {taken} is already attached to a machine"),
        (machine, ["--attach-volume", "vol_x"], "could not get existing volume: "),
        (machine, ["--attach-volume", free, "-r", "ord"], "is in region lhr, and --region says ord"),
        (plain, ["--attach-volume", free], "Please specify a mount path on"),
        (machine, ["--attach-volume", free, "--from-snapshot", "last"], "exclude each other"),
        (machine, ["--from-snapshot", ""], "--from-snapshot is empty"),
    ):
        said = fly("machine", "clone", source, "-a", "myapp", *words)
        assert said.code == 1 and complaint in said.err, said
    assert changes(fly) == []
    said = fly("machine", "clone", machine, "-a", "myapp", "--attach-volume", f"{free}:/srv")
    assert "overrides the source's mount path /data with /srv" in said.err
    assert bodies(fly, "machines")[0]["config"]["mounts"] == [{"volume": free, "path": "/srv"}]


def test_a_clone_can_be_a_standby_with_another_command(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", {**CONFIG, "init": {"cmd": ["x"]}, "auto_destroy": True})
    words = ["--standby-for", "source", "--override-cmd", "run 'a b'", "--clear-auto-destroy", "--name", "second"]
    assert fly("machine", "clone", machine, "-a", "myapp", *words).code == 0
    (body,) = bodies(fly, "machines")
    config = body["config"]
    assert (body["skip_launch"], body["name"], config["standbys"], config["env"]["FLY_STANDBY_FOR"]) == (
        True,
        "second",
        [machine],
        machine,
    )
    assert (config["init"], config["auto_destroy"]) == ({"cmd": ["run", "a b"]}, False)


# --- the small verbs --------------------------------------------------------------------------------------------------
def test_cordon_kill_wait_and_suspend(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", CONFIG)
    assert fly("machine", "cordon", machine, "-a", "myapp").out == f"Cordoning machine {machine}... done!\n"
    assert fly.api.machines[machine]["cordoned"] is True
    assert fly("machine", "uncordon", machine, "-a", "myapp").out == f"Uncordoning machine {machine}... done!\n"
    said = fly("machine", "suspend", machine, "-a", "myapp")
    assert (said.code, said.out) == (1, "") and "machines cannot be suspended here" in said.err
    assert fly("machine", "wait", machine, "-a", "myapp").out == f'Machine {machine} reached state "started"\n'
    assert fly("machine", "kill", machine, "-a", "myapp").out == "kill signal has been sent\n"
    said = fly("machine", "wait", machine, "-a", "myapp", "--state", "started", "-w", "1")
    assert said.code == 126 and "did not become started within 1 s: it is stopped" in said.err
    assert "is not a state" in fly("machine", "wait", machine, "-a", "myapp", "--state", "happy").err
    assert fly.api.leases == {}


def test_leases_are_shown_and_cleared(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", CONFIG)
    assert fly("machine", "leases", "view", "-a", "myapp").out == "No leases found\n"
    fly.api.leases[machine] = "nonce-1"
    said = fly("machine", "lease", "view", machine, "-a", "myapp")
    assert said.out.splitlines()[1].split(" │ ") == [
        f" {machine}",
        "nonce-1",
        "success",
        "you  ",
        "2027-01-15T08:00:00Z ",
    ]
    assert json.loads(fly("machine", "leases", "view", "-a", "myapp", "-j").out)[machine]["data"]["nonce"] == "nonce-1"
    said = fly("machine", "leases", "clear", machine, "-a", "myapp")
    assert said.out == f"clearing lease for machine {machine}\nLease(s) cleared\n" and fly.api.leases == {}


def test_placements_are_told_by_region(fly: Fly) -> None:
    said = fly("machine", "place", "--count", "5", "--volume-name", "data", "--region", "lhr,any")
    assert said.out == " REGION │ COUNT \n lhr    │ 3     \n\n"
    asked = fly.api.requests[-1][2]
    assert (asked["region"], asked["volume_size_bytes"], asked["compute"]) == ("lhr,any", 1 << 30, GUEST)
    assert json.loads(fly("machine", "place", "-j").out) == [{"region": "lhr", "count": 1, "concurrency": 1}]
    assert "which no weights change" in fly("machine", "place", "--weights", "region=5").err
    assert "ask for one machine or more" in fly("machine", "place", "--count", "0").err


def test_all_machines_of_an_image_can_be_destroyed(fly: Fly) -> None:
    for image in ("web:1", "web:2", "web:1"):
        fly.api.add_machine("myapp", {**CONFIG, "image": image}, state="stopped")
    assert fly("machine", "destroy", "--image", "web:1", "-a", "myapp").code == 0
    assert [machine["config"]["image"] for machine in fly.api.machines.values()] == ["web:2"]
    assert "has the image web:9" in fly("machine", "destroy", "-i", "web:9", "-a", "myapp").err


def test_a_restart_waits_for_health_unless_told_not_to(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", {**CONFIG, "checks": {"alive": {"type": "tcp", "port": 80}}})
    fly.api.machines[machine]["checks"] = [{"name": "alive", "status": "passing"}]
    said = fly("machine", "restart", machine, "-a", "myapp")
    assert said.out == (
        f"Restarting machine {machine}\n==> Monitoring health checks\nHealth checks pass\n"
        f"Machine {machine} restarted successfully!\n"
    )
    assert "Monitoring" not in fly("machine", "restart", machine, "-a", "myapp", "--skip-health-checks").out


@pytest.mark.parametrize("verb", ["update", "clone", "kill", "cordon", "wait", "suspend"])
def test_without_an_id_one_is_asked_for_where_somebody_sits(fly: Fly, verb: str) -> None:
    said = fly("machine", verb, "-a", "myapp")
    assert said.code == 1 and "a machine ID must be specified when not running interactively" in said.err


def test_a_machine_is_chosen_from_a_menu(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", CONFIG)
    talk = fly.talk("machine", "cordon", "-a", "myapp")
    talk.expect("Select a machine:")
    talk.answer("1\n")
    assert talk.end() == 0 and fly.api.machines[machine]["cordoned"] is True


def test_a_machine_s_id_is_enough(fly: Fly) -> None:
    machine = fly.api.add_machine("myapp", CONFIG)
    assert fly("machine", "cordon", machine).code == 0 and fly.api.machines[machine]["cordoned"] is True
    assert fly("machine", "update", machine, "-e", "B=2", "-y").code == 0
    assert fly("machine", "clone", machine, "--detach").code == 0
    assert fly("machine", "destroy", machine, "-f").out.endswith(f"{machine} has been destroyed\n")
    assert "machine not found" in fly("machine", "stop", "ffffffffffffff").err
    assert "is not a machine ID" in fly("machine", "stop", "../x").err
    assert "a machine ID or an app name is required" in fly("machine", "stop").err
