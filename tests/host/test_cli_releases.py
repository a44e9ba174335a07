"""Snapshots before a release, replacements, files and rollbacks against a fake API: what is asked for and said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fakes.api_server import TOKEN

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
CHECKED = PLAIN + "\n[[http_service.checks]]\n  path = '/'\n"


@pytest.fixture(autouse=True)
def _app(fly: Fly) -> None:
    fly.api.add_app("myapp")
    fly.write("fly.toml", TOML)


def deployed(fly: Fly, *words: str) -> str:
    """One machine with a volume; the volume's id."""
    volume = fly.api.add_volume("myapp")
    said = fly("deploy", "--ha=false", *words)
    assert said.code == 0, said.err
    return volume


def mounts(fly: Fly) -> list[tuple[str, str | None]]:
    found = []
    for machine in fly.api.machines.values():
        volumes = [mount["volume"] for mount in machine["config"].get("mounts") or []]
        found.append((machine["state"], volumes[0] if volumes else None))
    return found


# --- snapshots --------------------------------------------------------------------------------------------------------
def test_a_volume_is_snapshotted_before_its_machine_is_touched_and_it_is_noted(fly: Fly) -> None:
    volume = deployed(fly)
    assert fly.api.snapshots == {}  # there was nothing yet to keep
    fly.api.requests.clear()
    said = fly("deploy", "--image", "web:2")
    assert said.code == 0, said.err
    assert f"[1/1] Snapshot vs_1 of volume {volume} was taken (" in said.out
    paths = [path for method, path, _ in fly.api.requests if method == "POST" and "lease" not in path]
    assert paths.index(f"/v1/apps/myapp/volumes/{volume}/snapshots") < paths.index(
        "/v1/apps/myapp/machines/00000000000002"
    )
    (note,) = fly.api.releases[-1]["metadata"]["snapshots"]
    assert note == {"machine": "00000000000002", "group": "app", "volume": volume, "snapshot": "vs_1"}


def test_where_none_can_be_had_the_deploy_goes_on_with_a_warning_unless_it_was_asked_for(fly: Fly) -> None:
    volume = deployed(fly)
    fly.api.no_snapshots = "the pool is full"
    said = fly("deploy", "--image", "web:2")
    assert said.code == 0
    assert f"[1/1] WARNING: no snapshot of volume {volume} before the release: the pool is full" in said.out
    fly.write("fly.toml", TOML + "\n[deploy]\n  snapshot_before = true\n")
    said = fly("deploy", "--image", "web:3")
    assert said.code == 1
    assert "was not touched, because its volume" in said.err and "--snapshot-before=false" in said.err
    assert fly.api.machines["00000000000002"]["config"]["image"] == "web:2"
    assert fly("deploy", "--image", "web:3", "--snapshot-before=false").code == 0


def test_none_is_taken_where_nobody_wants_one(fly: Fly) -> None:
    deployed(fly)
    fly.write("fly.toml", TOML + "\n[deploy]\n  snapshot_before = false\n")
    assert fly("deploy").code == 0
    assert fly.api.snapshots == {}
    assert fly("deploy", "--snapshot-before", "true").code == 0
    assert len(fly.api.snapshots) == 1
    assert "neither true nor false" in fly("deploy", "--snapshot-before", "often").err


# --- replacements -----------------------------------------------------------------------------------------------------
def test_a_replacement_is_there_before_the_old_machine_goes(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false").code == 0
    volume = fly.api.add_volume("myapp")
    fly.write("fly.toml", TOML)
    fly.api.requests.clear()
    said = fly("deploy")
    assert said.code == 0, said.err
    assert mounts(fly) == [("started", volume)]
    changes = [(method, path) for method, path, _ in fly.api.requests if "/machines" in path and method != "GET"]
    created = changes.index(("POST", "/v1/apps/myapp/machines"))
    assert created < next(position for position, (method, path) in enumerate(changes) if method == "DELETE")
    assert all("caddis_replaces" not in one["config"]["metadata"] for one in fly.api.machines.values())
    assert [one["name"] for one in fly.api.machines.values()] == ["name-1"]


def test_where_there_is_no_room_for_both_the_old_one_goes_first(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false").code == 0
    volume = fly.api.add_volume("myapp")
    fly.write("fly.toml", TOML)
    fly.api.full_for = 1
    said = fly("deploy")
    assert said.code == 0, said.err
    assert "There is no room for both: machine 00000000000001 goes first" in said.out
    assert mounts(fly) == [("started", volume)]
    assert fly.api.releases[-1]["metadata"]["owed"] == []


def test_a_machine_that_is_lost_so_is_said_to_be_and_brought_back_by_the_next_deploy(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy").code == 0
    volumes = [fly.api.add_volume("myapp"), fly.api.add_volume("myapp")]
    fly.write("fly.toml", TOML)
    fly.api.full_for = 2
    said = fly("deploy")
    assert said.code == 1
    assert "machine 00000000000001 [app] was destroyed, and the new one could not be created" in said.err
    assert f"Volume {volumes[0]} and its data are kept" in said.err
    assert "[2/2] Machine 00000000000002 [app] update canceled" in said.out
    fly.api.full_for = 1  # still
    assert fly("deploy").code == 1
    said = fly("deploy")
    assert said.code == 0, said.err
    assert f"Bringing back the machine of volume {volumes[0]}" in said.out
    assert sorted(str(volume) for _, volume in mounts(fly)) == volumes


def test_what_a_deploy_that_was_killed_left_half_way_is_settled(fly: Fly) -> None:
    volume = deployed(fly)
    heir = {**fly.api.machines["00000000000002"]["config"], "mounts": []}
    heir = {**heir, "metadata": {**heir["metadata"], "caddis_replaces": "00000000000002"}}
    left = fly.api.add_machine("myapp", heir)
    canary = {**heir, "metadata": {**heir["metadata"], "fly_canary": "true", "caddis_replaces": ""}}
    sang = fly.api.add_machine("myapp", canary)
    said = fly("deploy")
    assert said.code == 0, said.err
    for machine in (left, sang):
        assert f"Destroyed what an earlier deploy left, machine {machine} [app]" in said.out
    assert mounts(fly) == [("started", volume)]


def test_a_machine_is_tried_again_as_often_as_is_said(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false").code == 0
    said = fly("deploy", "--image", "crash", "--deploy-retries", "2")
    assert said.code == 1
    assert said.out.count("Trying machine 00000000000001 again") == 2
    assert "--deploy-retries 'often' is not a number" in fly("deploy", "--deploy-retries", "often").err


# --- checks, files, warnings ------------------------------------------------------------------------------------------
def test_checks_that_are_configured_have_to_report_and_to_pass(fly: Fly) -> None:
    fly.write("fly.toml", CHECKED)
    fly.api.checks = []
    said = fly("deploy", "--ha=false", "--wait-timeout", "300ms")
    assert said.code == 126
    assert "timeout reached waiting for health checks of machine 00000000000001 to pass: none reported" in said.err
    fly.api.checks = [{"name": "servicecheck-00-http-8080", "status": "critical", "output": "500"}]
    said = fly("deploy", "--image", "web:2", "--wait-timeout", "300ms")
    fly.api.machines["00000000000001"]["checks"] = fly.api.checks
    said = fly("deploy", "--image", "web:2", "--wait-timeout", "300ms")
    assert "servicecheck-00-http-8080: 500" in said.err
    fly.api.machines["00000000000001"]["checks"] = [{"name": "c", "status": "passing", "output": "200"}]
    said = fly("deploy", "--image", "web:3")
    assert said.code == 0, said.err
    assert "is waited for to become healthy: 1/1" in said.out


def test_a_port_that_only_the_machine_itself_reaches_is_found(fly: Fly) -> None:
    from caddis.cli.deploy.waits import listening, wait_listening
    from caddis.client.settings import Settings
    from caddis.client.transport import Client

    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false").code == 0
    client = Client(Settings(url=fly.api.url, token=TOKEN))
    (machine, found), *_ = fly.api.machines.items()
    assert wait_listening(client, "myapp", machine, found["config"], seconds=0) == set()
    fly.api.listens_on = "127.0.0.1"
    assert wait_listening(client, "myapp", machine, found["config"], seconds=0) == {"8080"}
    assert listening(client, "myapp", machine) == (set(), {"127.0.0.1:8080"})
    del fly.api.machines[machine]
    assert wait_listening(client, "myapp", machine, found["config"]) == set()  # nobody can say
    client.close()


def test_bluegreen_puts_a_green_machine_in_the_place_of_each_blue(fly: Fly) -> None:
    fly.write("fly.toml", CHECKED)
    fly.api.checks = [{"name": "c", "status": "passing", "output": "200"}]
    assert fly("deploy").code == 0
    blue = set(fly.api.machines)
    said = fly("deploy", "--strategy", "bluegreen", "--image", "web:2", "--signal", "SIGQUIT")
    assert said.code == 0, said.err
    assert len(fly.api.machines) == 2 and not blue & set(fly.api.machines)
    for machine in fly.api.machines.values():
        assert machine["config"]["image"] == "web:2" and not machine["cordoned"]
    stops = [body for method, path, body in fly.api.requests if path.endswith("/stop")]
    assert [stop["signal"] for stop in stops] == ["SIGQUIT", "SIGQUIT"]
    assert fly.api.leases.keys() <= blue | set(fly.api.machines)


def test_files_from_the_command_line_win_over_those_of_the_file(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN + '\n[[files]]\n  guest_path = "/etc/a"\n  raw_value = "x"\n')
    fly.write("local", "here")
    words = ("--file-local", "/etc/b=local", "--file-literal", "/etc/a=y=z", "--file-secret", "/etc/c=TOKEN")
    assert fly("deploy", "--ha=false", *words).code == 0
    (machine,) = fly.api.machines.values()
    assert machine["config"]["files"] == [
        {"guest_path": "/etc/b", "raw_value": "aGVyZQ=="},
        {"guest_path": "/etc/a", "raw_value": "eT16"},
        {"guest_path": "/etc/c", "secret_name": "TOKEN"},
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--file-literal", "etc/a=1"), "the path in the machine must be absolute"),
        (("--file-local", "/a=none"), "could not read file none: No such file"),
        (("--file-local", "/a"), "--file-local '/a' is not NAME=VALUE"),
        (("--compression", "lzma"), "--compression 'lzma' is not known: use gzip or zstd"),
        (("--compression-level", "12"), "--compression-level must be from 0 to 9"),
        (("--signal", "SIGNOPE"), "SIGNOPE"),
    ],
)
def test_bad_flags_are_told_before_anything_changes(fly: Fly, words: tuple[str, ...], complaint: str) -> None:
    said = fly("deploy", *words)
    assert said.code == 1 and complaint in said.err
    assert {method for method, _, _ in fly.api.requests} <= {"GET"}


def test_what_is_in_fly_toml_and_has_no_effect_is_warned_of(fly: Fly) -> None:
    statics = '\n[[statics]]\n  guest_path = "/public"\n  url_prefix = "/static"\n[env]\n  DB_PASSWORD = "x"\n'
    fly.write("fly.toml", PLAIN + statics)
    said = fly("deploy", "--ha=false")
    assert said.code == 0
    assert "[[statics]] are not served" in said.err and "DB_PASSWORD in [env] looks sensitive" in said.err
    (machine,) = fly.api.machines.values()
    assert "statics" not in machine["config"]


def test_a_build_secret_is_in_the_body_only(fly: Fly) -> None:
    import io
    import tarfile

    fly.write("fly.toml", PLAIN.replace('image = "web:1"', ""))
    fly.write("Dockerfile", "FROM scratch\n")
    said = fly("deploy", "--build-secret", "npm=s3cr3t", "--ha=false")
    assert said.code == 0, said.err
    assert "s3cr3t" not in said.out + said.err + json.dumps([one for one in fly.api.requests if one[0] != "BUILD"])
    _, path, archive = next(one for one in fly.api.requests if one[0] == "BUILD")
    assert "s3cr3t" not in path
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile(".caddis.build-secrets")
        assert member is not None and json.loads(member.read()) == {"npm": "s3cr3t"}


def test_a_seed_command_runs_once_with_the_first_deploy(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN + '\n[deploy]\n  release_command = "migrate"\n  seed_command = "seed --all"\n')
    assert fly("deploy", "--ha=false").code == 0
    assert fly("deploy", "--ha=false").code == 0
    made = [body["config"] for method, path, body in fly.api.requests if method == "POST" and path.endswith("machines")]
    assert [one.get("init", {}).get("cmd") for one in made] == [["migrate"], ["seed", "--all"], None, ["migrate"]]
    assert [one["guest"]["memory_mb"] for one in made] == [512, 512, 256, 256]  # as large as the largest machine


def test_machine_checks_end_the_deploy_and_need_a_command(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN + '\n[[machine_checks]]\n  command = ["curl", "x"]\n  image = "curl:1"\n')
    assert fly("deploy", "--ha=false").code == 0
    tried = [body["config"] for method, path, body in fly.api.requests if (method, path[-9:]) == ("POST", "/machines")]
    assert (tried[1]["image"], tried[1]["env"]["FLY_TEST_MACHINE_IP"]) == ("curl:1", "fdaa::1")
    assert "services" not in tried[1] and len(fly.api.machines) == 1
    fly.api.exit_of_release_command = 3
    said = fly("deploy")
    assert said.code == 1 and "machine check curl x failed for 00000000000001 with exit code 3" in said.err
    fly.write("fly.toml", PLAIN + '\n[[machine_checks]]\n  image = "curl:1"\n')
    fly.api.requests.clear()
    assert "machine_checks[0].command is missing" in fly("deploy").out
    assert {method for method, _, _ in fly.api.requests} <= {"GET"}


def test_large_local_files_are_not_kept_with_a_release_and_a_rollback_says_so(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN + '\n[[files]]\n  guest_path = "/etc/a"\n  local_path = "big"\n')
    fly.write("big", "x" * (300 << 10))
    assert fly("deploy", "--ha=false").code == 0
    assert fly("deploy", "--image", "web:2").code == 0
    fly.api.requests.clear()
    said = fly("releases", "rollback", "--yes")
    assert said.code == 1 and "v1 does not have its local file big" in said.err
    assert {path for method, path, _ in fly.api.requests if method != "GET"} == {"/v1/apps/myapp/images"}


# --- rollback ---------------------------------------------------------------------------------------------------------
def test_a_rollback_brings_configuration_image_and_flags_back(fly: Fly) -> None:
    deployed(fly, "--env", "A=1", "--file-literal", "/etc/a=x")
    assert fly("deploy", "--image", "web:2").code == 0
    said = fly("releases", "rollback", "--yes")
    assert said.code == 0, said.err
    assert "This brings back v1" in said.out and "volumes stay as they are" in said.out
    (machine,) = fly.api.machines.values()
    assert machine["config"]["image"] == "web:1"
    assert machine["config"]["env"]["A"] == "1"
    assert machine["config"]["files"] == [{"guest_path": "/etc/a", "raw_value": "eA=="}]
    assert fly.api.releases[-1]["description"] == "rollback to v1"


def test_a_rollback_without_a_person_needs_yes_and_changes_nothing(fly: Fly) -> None:
    deployed(fly)
    assert fly("deploy", "--image", "web:2").code == 0
    fly.api.requests.clear()
    said = fly("releases", "rollback")
    assert said.code == 1 and "yes flag must be specified" in said.err
    assert {path for method, path, _ in fly.api.requests if method != "GET"} == {"/v1/apps/myapp/images"}


def test_with_the_data_the_present_volume_is_set_aside(fly: Fly) -> None:
    volume = deployed(fly)
    assert fly("deploy", "--image", "web:2").code == 0
    said = fly("releases", "rollback", "v1", "--with-data", "--yes")
    assert said.code == 0, said.err
    ((state, now),) = mounts(fly)
    assert state == "started" and now != volume
    wishes = [body for method, path, body in fly.api.requests if method == "POST" and path.endswith("/volumes")]
    assert (wishes[-1]["snapshot_id"], wishes[-1]["name"]) == ("vs_1", "data")
    assert fly.api.volumes[volume]["attached_machine_id"] is None
    assert f"fly volumes destroy {volume} -a myapp" in said.out
    (note,) = fly.api.releases[-1]["metadata"]["moved"]
    assert (note["volume"], note["to_volume"]) == (volume, now)


def test_volumes_that_stood_apart_and_come_back_in_one_zone_are_told_of(fly: Fly) -> None:
    fly.api.add_volume("myapp", zone="a000")
    fly.api.add_volume("myapp", zone="a001")
    assert fly("deploy", "--image", "web:1").code == 0
    assert fly("deploy", "--image", "web:2").code == 0
    said = fly("releases", "rollback", "--with-data", "--yes")
    assert said.code == 0 and "zone" not in said.err
    fly.api.zone = "a000"
    said = fly("releases", "rollback", "v2", "--with-data", "--yes")
    assert said.code == 0, said.err
    assert "Note: the 2 volumes of group 'app' are all in zone a000: they fail together" in said.err


def test_the_old_machine_does_not_go_first_for_a_volume_that_stands_elsewhere(fly: Fly) -> None:
    volume = deployed(fly)
    assert fly("deploy", "--image", "web:2").code == 0
    fly.api.full_for, fly.api.zone = 1, "another"
    machines, volumes = set(fly.api.machines), set(fly.api.volumes)
    said = fly("releases", "rollback", "--with-data", "--yes")
    assert said.code == 1 and "goes first" not in said.out
    assert (set(fly.api.machines), set(fly.api.volumes)) == (machines, volumes)
    assert mounts(fly) == [("started", volume)]


def test_an_expired_snapshot_or_a_missing_image_is_told_before_anything_changes(fly: Fly) -> None:
    volume = deployed(fly, "--image", "web:1")
    assert fly("deploy", "--image", "web:2").code == 0
    fly.api.snapshots[volume] = []
    said = fly("releases", "rollback", "--with-data", "--yes")
    assert said.code == 1 and f"snapshot vs_1 of volume {volume} has expired and is gone" in said.err
    fly.api.releases[0]["image_ref"] = "nothing:1"
    fly.api.releases[0]["metadata"].pop("image_digest")
    said = fly("releases", "rollback", "--yes")
    assert said.code == 1 and "the image of v1, nothing:1, is gone" in said.err
    assert len(fly.api.releases) == 2


def test_when_the_first_machine_fails_unused_volumes_are_thrown_away(fly: Fly) -> None:
    fly.api.add_volume("myapp")
    fly.api.add_volume("myapp")
    assert fly("deploy", "--image", "crash", "--strategy", "immediate").code == 0
    assert fly("deploy", "--image", "web:2").code == 0
    before = set(fly.api.volumes)
    said = fly("releases", "rollback", "--with-data", "--yes", "--strategy", "rolling")
    assert said.code == 1
    made = set(fly.api.volumes) - before
    assert len(made) == 1  # the first machine has it; the second machine's was not needed
    assert {fly.api.volumes[one]["attached_machine_id"] for one in made} <= set(fly.api.machines)


def test_a_rollback_over_added_mounts_says_which_volume_its_machine_loses(fly: Fly) -> None:
    fly.write("fly.toml", PLAIN)
    assert fly("deploy", "--ha=false").code == 0
    volume = fly.api.add_volume("myapp")
    fly.write("fly.toml", TOML)
    assert fly("deploy").code == 0
    said = fly("releases", "rollback", "--yes")
    assert said.code == 0, said.err
    assert f"[app] loses its volume {volume}, which stays with its data" in said.out
    assert mounts(fly) == [("started", None)] and fly.api.volumes[volume]["state"] == "created"


def test_the_words_around_releases(fly: Fly) -> None:
    deployed(fly)
    assert fly("releases", "-a", "myapp").out == fly("releases", "list", "-a", "myapp").out
    assert fly("releases", "-a", "myapp", "list").out == fly("apps", "releases", "-a", "myapp").out
    assert "rollback" in fly("releases", "--help").out
    found: list[Any] = json.loads(fly("releases", "--json").out)
    assert found[0]["status"] == "complete"
    said = fly("releases", "rollback", "soon")
    assert (said.code, "'soon' is not the version of a release" in said.err) == (1, True)
