"""`fly deploy` against a fake API: what it asks for, what it says, what it refuses."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host


TOML = """
app = "myapp"
primary_region = "lhr"

[build]
  image = "web:1"

[http_service]
  internal_port = 8080

[mounts]
  source = "data"
  destination = "/data"
"""
PLAIN = TOML[: TOML.index("[mounts]")]


@pytest.fixture(autouse=True)
def _app(fly: Fly) -> None:
    fly.api.add_app("myapp")
    fly.write("fly.toml", TOML)


def machines(fly: Fly) -> list[tuple[str, str | None]]:
    """State and volume of each."""
    found = []
    for machine in fly.api.machines.values():
        mounts = machine["config"].get("mounts") or [{"volume": None}]
        found.append((machine["state"], mounts[0]["volume"]))
    return found


def test_a_first_deploy_gives_each_of_two_volumes_a_machine(fly: Fly) -> None:
    volumes = [fly.api.add_volume("myapp"), fly.api.add_volume("myapp")]
    said = fly("deploy")
    assert said.code == 0, said.err
    assert machines(fly) == [("started", volumes[0]), ("started", volumes[1])]
    assert fly.api.releases[0]["status"] == "complete"
    assert said.err == (
        "==> Verifying app config\n--> Verified app config\n==> Building image\nFinished launching new machines\n"
    )
    assert said.out == (
        "Validating fly.toml\n"
        "✓ Configuration is valid\n"
        "Searching for image 'web:1' remotely...\n"
        "\n"
        "Watch your deployment with `fly status -a myapp` and `fly logs -a myapp`\n"
        "\n"
        "This deployment will:\n"
        ' * create 2 "app" machines\n'
        "No machines in group app, launching a new machine\n"
        "  Machine 00000000000003 [app] is starting\n"
        "  Machine 00000000000003 [app] has started, and is watched for a moment\n"
        "  Machine 00000000000003 [app] was created with volume vol_0000000000000001\n"
        "Creating a second machine in group app for high availability\n"
        "  Machine 00000000000004 [app] is starting\n"
        "  Machine 00000000000004 [app] has started, and is watched for a moment\n"
        "  Machine 00000000000004 [app] was created with volume vol_0000000000000002\n"
        "\n"
        "Your app is reached, from the host that a machine runs on, at\n"
        "  00000000000003  http://[fdaa::1]:8080\n"
        "  00000000000004  http://[fdaa::1]:8080\n"
    )


def test_a_first_deploy_without_volumes_creates_one(fly: Fly) -> None:
    said = fly("deploy", "--volume-initial-size", "3")
    assert said.code == 0, said.err
    assert "Creating a 3 GB volume named 'data' for process group 'app'." in said.out
    assert machines(fly) == [("started", "vol_0000000000000001")]


def test_a_second_deploy_updates_in_place_under_leases(fly: Fly) -> None:
    fly.api.add_volume("myapp")
    fly.api.add_volume("myapp")
    assert fly("deploy").code == 0
    before = list(fly.api.machines)
    fly.api.requests.clear()
    said = fly("deploy", "--image", "web:2")
    assert said.code == 0, said.err
    assert list(fly.api.machines) == before
    assert [one["config"]["image"] for one in fly.api.machines.values()] == ["web:2", "web:2"]
    assert fly.api.leases == {}
    assert "[1/2] Updating 00000000000003 [app]" in said.out
    assert "[2/2] Machine 00000000000004 [app] update succeeded" in said.out
    leased = [path for method, path, _ in fly.api.requests if method == "POST" and "/lease" in path]
    assert len(leased) == 2


def test_removing_mounts_asks_and_with_yes_goes_on_and_the_volume_stays(fly: Fly) -> None:
    volume = fly.api.add_volume("myapp")
    assert fly("deploy").code == 0
    fly.write("fly.toml", PLAIN)
    refused = fly("deploy")
    assert refused.code == 1
    assert "has a volume mounted but app config does not specify a volume" in refused.err
    assert "yes flag must be specified" in refused.err
    assert machines(fly) == [("started", volume)]
    said = fly("deploy", "--yes")
    assert said.code == 0, said.err
    assert machines(fly) == [("started", None)]
    assert fly.api.volumes[volume]["attached_machine_id"] is None


def test_missing_volumes_are_told_with_the_exact_command_before_anything_changes(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy").code == 0
    fly.write("fly.toml", TOML)
    fly.api.requests.clear()
    said = fly("deploy")
    assert said.code == 1
    assert said.err.endswith(
        "Error: process group 'app' needs volumes with name 'data' to fulfill mounts defined in fly.toml\n"
        "\n"
        "Run `fly volume create data -r lhr -n 2`, then deploy again.\n"
    )
    assert {method for method, _, _ in fly.api.requests} == {"GET"}


def test_a_failed_deploy_shows_the_machine_s_last_words_and_the_next_goes_on(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    fly.api.log = ["no such table"]
    said = fly("deploy", "--image", "crash", "--ha=false")
    assert said.code == 1
    assert "no such table" in said.out
    assert "Error: machine 00000000000001 could not be started: it is failed\n" in said.err
    assert "fly deploy goes on from here" in said.err
    assert fly.api.releases[-1]["status"] == "failed"
    assert fly.api.leases == {}
    assert fly("deploy", "--ha=false").code == 0
    assert machines(fly) == [("started", None)]


def test_a_rolling_deploy_stops_at_the_first_machine_that_fails(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy").code == 0
    said = fly("deploy", "--image", "crash")
    assert said.code == 1
    assert [one["config"]["image"] for one in fly.api.machines.values()] == ["crash", "web:1"]


def test_an_image_that_is_not_there_is_known_before_a_machine_is_touched_for_it(fly: Fly) -> None:
    fly.api.add_volume("myapp")
    fly.write("fly.toml", TOML)
    assert fly("deploy").code == 0
    before, releases = dict(fly.api.machines), len(fly.api.releases)
    fly.write("fly.toml", PLAIN)  # without its volume the machine has to be replaced
    said = fly("deploy", "--image", "nothing:1", "--yes")
    assert (said.code, said.err.splitlines()[-1]) == (1, "Error: image nothing:1 does not exist")
    assert fly.api.machines == before
    assert len(fly.api.releases) == releases


def test_a_lease_of_somebody_else_fails_the_deploy_before_anything_changes(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false").code == 0
    fly.api.leases["00000000000001"] = "another"
    said = fly("deploy", "--image", "web:2")
    assert (said.code, said.err.splitlines()[-1]) == (
        1,
        "Error: machine 00000000000001: lease currently held by somebody",
    )
    assert fly.api.machines["00000000000001"]["config"]["image"] == "web:1"


def test_a_stopped_machine_is_updated_and_stays_stopped(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false").code == 0
    fly("machine", "stop", "00000000000001", "-a", "myapp")
    assert fly("deploy", "--image", "web:2").code == 0
    assert machines(fly) == [("stopped", None)]


def test_a_machine_keeps_its_size_when_fly_toml_says_none(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false", "--vm-memory", "512").code == 0
    assert fly("deploy").code == 0
    assert fly.api.machines["00000000000001"]["config"]["guest"] == {
        "cpu_kind": "shared",
        "cpus": 1,
        "memory_mb": 512,
    }


def test_a_dockerfile_is_built_from_the_folder_without_what_is_ignored(fly: Fly) -> None:
    import io
    import tarfile

    fly.write("fly.toml", PLAIN.replace('image = "web:1"', ""))
    fly.write("Dockerfile", "FROM scratch\n")
    fly.write("secret.txt", "x")
    fly.write("app.py", "x")
    fly.write(".dockerignore", "secret*\n")
    said = fly("deploy", "--build-arg", "A=1")
    assert said.code == 0, said.err
    assert "STEP 1/1\n" in said.out
    assert "image: web:deployment-1\n" in said.out
    _, path, archive = next(one for one in fly.api.requests if one[0] == "BUILD")
    assert path == "/v1/apps/myapp/builds?dockerfile=Dockerfile&build_arg=A%3D1"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert sorted(tar.getnames()) == [".dockerignore", "Dockerfile", "app.py", "fly.toml"]
    assert {one["config"]["image"] for one in fly.api.machines.values()} == {"web:deployment-1"}


def test_a_failed_build_says_why_and_changes_nothing(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN.replace('image = "web:1"', ""))
    fly.write("Dockerfile", "FROM nothing\n")
    fly.api.build_lines = ["STEP 1/1", '{"error": "no such image: nothing"}']
    said = fly("deploy")
    assert (said.code, said.err.splitlines()[-1]) == (1, "Error: the build failed: no such image: nothing")
    assert fly.api.machines == {}
    assert fly.api.releases == []


def test_a_release_command_runs_first_in_a_machine_without_volumes(fly: Fly) -> None:
    fly.write("fly.toml", TOML + '\n[deploy]\n  release_command = "migrate --all"\n')
    volume = fly.api.add_volume("myapp")
    fly.api.exit_of_release_command = 0
    assert fly("deploy").code == 0
    bodies = [body for method, path, body in fly.api.requests if method == "POST" and path.endswith("/machines")]
    assert bodies[0]["config"]["init"] == {"cmd": ["migrate", "--all"]}
    assert "mounts" not in bodies[0]["config"]
    assert machines(fly) == [("started", volume)]
    fly.api.exit_of_release_command = 2
    said = fly("deploy", "--image", "web:2")
    assert said.code == 1
    assert "exited with non-zero status of 2" in said.err
    assert [one["config"]["image"] for one in fly.api.machines.values()] == ["web:1"]


def test_a_release_command_may_have_a_fork_of_the_volume_which_is_gone_afterwards(fly: Fly) -> None:
    section = '\n[deploy]\n  release_command = "migrate"\n  release_command_volume = "fork"\n'
    fly.write("fly.toml", TOML + section)
    volume = fly.api.add_volume("myapp")
    said = fly("deploy")
    assert said.code == 0 and f"Forking volume {volume}" in said.err
    bodies = [body for method, path, body in fly.api.requests if method == "POST" and path.endswith("/volumes")]
    assert bodies[0]["source_volume_id"] == volume
    assert bodies[0]["auto_backup_enabled"] is False and bodies[0]["require_unique_zone"] is False
    made = [body for method, path, body in fly.api.requests if method == "POST" and path.endswith("/machines")]
    assert made[0]["config"]["mounts"][0]["path"] == "/data"
    assert made[0]["config"]["mounts"][0]["volume"] != volume
    assert machines(fly) == [("started", volume)]


@pytest.mark.parametrize(
    ("toml", "words", "complaint"),
    [
        ("app = ", (), "fly.toml, row 1, column 7: this is not TOML"),
        ('app = "myapp"\n[http_service]\ninternal_port = []\n', (), "App configuration is not valid"),
        (TOML.replace('"/data"', '"/"'), (), "App configuration is not valid"),
        (TOML.replace('"/data"', '"data"'), (), "App configuration is not valid"),
        (TOML + '[[mount]]\nsource = "b"\ndestination = "/b"\n', (), "App configuration is not valid"),
        (TOML, ("--strategy", "canary"), "the canary strategy is not possible with mounted volumes"),
        (TOML, ("--strategy", "bluegreen"), "the bluegreen strategy is not possible with mounted volumes"),
        (PLAIN, ("--strategy", "bluegreen"), "the bluegreen strategy needs at least one health check"),
        (PLAIN, ("--strategy", "yolo"), "unsupported deployment strategy 'yolo'"),
        (PLAIN, ("--wait-timeout", "soon"), "--wait-timeout 'soon' is not a duration"),
        (PLAIN, ("--max-unavailable", "0"), "--max-unavailable must be greater than 0"),
        (PLAIN, ("--env", "A"), "--env 'A' is not NAME=VALUE"),
        (PLAIN, ("--image", "docker-archive:none.tar"), "image 'docker-archive:none.tar': there is no "),
        (PLAIN, ("-a", "other"), "could not find app 'other'"),
        (PLAIN, ("--only-machines", "nope"), "machine nope, which --only-machines names, was not found"),
        (PLAIN, ("--process-groups", "nope"), "process group 'nope' is not in fly.toml: it has app"),
        (PLAIN, ("a", "b"), "accepts at most 1 arg(s), received 2"),
        (PLAIN, ("nowhere",), "cannot go to the folder nowhere"),
    ],
)
def test_bad_input_is_told_before_anything_changes(fly: Fly, toml: str, words: tuple[str, ...], complaint: str) -> None:
    fly.write("fly.toml", toml)
    said = fly("deploy", *words)
    assert said.code == 1
    assert f"Error: {complaint}" in said.err
    assert {method for method, _, _ in fly.api.requests} <= {"GET"}


def test_changing_the_source_is_refused(fly: Fly) -> None:
    fly.api.add_volume("myapp")
    assert fly("deploy").code == 0
    fly.write("fly.toml", TOML.replace('"data"', '"other"'))
    said = fly("deploy")
    assert "a deploy does not swap a machine's volume for another" in said.err


def test_only_the_path_changes_in_place(fly: Fly) -> None:
    volume = fly.api.add_volume("myapp")
    assert fly("deploy").code == 0
    fly.write("fly.toml", TOML.replace('"/data"', '"/srv"'))
    said = fly("deploy")
    assert said.code == 0, said.err
    assert f"The volume {volume} of 00000000000002 moves to /srv" in said.out
    assert fly.api.machines["00000000000002"]["config"]["mounts"][0]["path"] == "/srv"


def test_filters_say_how_many_machines_they_leave(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy").code == 0
    said = fly("deploy", "--image", "web:2", "--only-machines", "00000000000002")
    assert "--only-machines filter(s) applied, deploying to 1/2 machines" in said.err
    assert [one["config"]["image"] for one in fly.api.machines.values()] == ["web:1", "web:2"]


def test_a_relative_archive_becomes_absolute(fly: Fly) -> None:
    path = fly.write("image.tar", "")
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--image", "docker-archive:image.tar", "--ha=false").code == 0
    assert fly.api.machines["00000000000001"]["config"]["image"] == f"docker-archive:{path}"


def test_a_release_is_kept_with_its_definition(fly: Fly) -> None:
    assert fly("deploy").code == 0
    assert fly.api.releases[0]["strategy"] == "ROLLING"
    assert fly.api.releases[0]["definition"]["mounts"] == [{"source": "data", "destination": "/data"}]
    shown = json.loads(fly("config", "show").out)
    assert shown["mounts"] == [{"source": "data", "destination": "/data"}]


@pytest.mark.parametrize("ending", ["Ctrl-C", "SIGTERM"])
def test_ctrl_c_gives_the_leases_back_and_marks_the_release_interrupted(fly: Fly, ending: str) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy").code == 0
    talk = fly.talk("deploy", "--image", "slow")
    talk.expect("[1/2] Updating ")
    assert len(fly.api.leases) == 2
    if ending == "Ctrl-C":
        talk.answer("\x03")
    else:
        talk.signal(signal.SIGTERM)
    assert talk.end() == 127
    assert fly.api.leases == {}
    assert fly.api.releases[-1]["status"] == "interrupted"


def test_a_machine_that_does_not_start_in_time_ends_the_deploy_with_126(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    said = fly("deploy", "--image", "slow", "--wait-timeout", "100ms")
    assert said.code == 126
    assert "Error: timeout reached waiting for machine 00000000000001 to start\n" in said.err
