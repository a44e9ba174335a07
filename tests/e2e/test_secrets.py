"""Secrets, as people set them and machines see them; and that their values are found nowhere else."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, Running, left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e

MARK = "mark-of-a-secret-"  # every value begins with it, so that one look finds any of them
FILE = f"{MARK}file\n"


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    with running(hosts=1, pool_size="2G") as server:
        yield server
    assert left_behind(server.data) == []


@pytest.fixture(scope="module")
def calls(up: Running) -> Iterator[Calls]:
    calls = Calls(up, "web")
    yield calls
    calls.close()


@pytest.fixture(scope="module")
def folder(up: Running, calls: Calls) -> Path:
    made = up.data.parent / "web"
    made.mkdir()
    image = make_tiny_image(up.data.parent, name="web", cmd=("httpd", "-f", "-p", "8080", "-h", "/www"))
    made.joinpath("fly.toml").write_text(
        f'app = "web"\nprimary_region = "lhr"\n[build]\nimage = "{image}"\n[env]\nWHERE = "toml"\nTOP = "env"\n'
        '[[files]]\nguest_path = "/etc/app.key"\nsecret_name = "KEY_FILE"\n'
        '[[services]]\ninternal_port = 8080\nprotocol = "tcp"\n'  # what listens is known to run, and not watched longer
    )
    return made


def _pipe(up: Running, folder: Path, text: str, *words: str, code: int = 0) -> str:
    ran = subprocess.run(
        [BIN / "fly", *words], cwd=folder, env=up.environment, input=text, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def _init(calls: Calls) -> int:
    """The machine's first process, as the host sees it; there is one machine."""
    (machine,) = calls.ok("GET", "/machines")
    calls.await_state(machine["id"], "started")
    return calls.main_pid(machine["id"])


def _environment(pid: int) -> dict[str, str]:
    raw = Path(f"/proc/{pid}/environ").read_text()
    return dict(line.split("=", 1) for line in raw.split("\0") if line)


def _statuses(up: Running, folder: Path) -> dict[str, str]:
    return {one["name"]: one["status"] for one in json.loads(up.fly("secrets", "list", "--json", folder=folder))}


def test_secrets_wait_for_the_first_deployment(up: Running, calls: Calls, folder: Path) -> None:
    said = up.fly("secrets", "set", f"TOP={MARK}one", f"FLY_REGION={MARK}mars", folder=folder)
    assert "staged for the first deployment" in said and MARK not in said
    encoded = base64.b64encode(FILE.encode()).decode()
    assert MARK not in _pipe(up, folder, encoded, "secrets", "set", "KEY_FILE=-")
    refused = up.fly("secrets", "deploy", folder=folder, code=1)
    assert "no machines" in refused and "fly deploy" in refused
    said = up.fly("deploy", "--ha=false", folder=folder)
    assert MARK not in said
    environment = _environment(_init(calls))
    assert environment["TOP"] == f"{MARK}one" and environment["WHERE"] == "toml"
    assert environment["FLY_REGION"] == "lhr", "what the platform says of a machine is not to be set"
    root = f"/proc/{_init(calls)}/root"
    assert Path(root, "etc/app.key").read_text() == FILE
    assert set(_statuses(up, folder).values()) == {"Deployed"}


def test_setting_restarts_the_machines_with_it(up: Running, calls: Calls, folder: Path) -> None:
    before = _init(calls)
    said = up.fly("secrets", "set", f"MORE={MARK}two", folder=folder)
    assert "[1/1]" in said and "update succeeded" in said and MARK not in said
    assert _environment(_init(calls))["MORE"] == f"{MARK}two" and _init(calls) != before
    releases = json.loads(up.fly("releases", "--json", folder=folder))
    assert len(releases) == 2 and releases[0]["image_ref"] == releases[1]["image_ref"]
    (machine,) = calls.ok("GET", "/machines")
    assert machine["config"]["metadata"]["fly_release_version"] == "2"


def test_staged_secrets_wait_until_they_are_deployed(up: Running, calls: Calls, folder: Path) -> None:
    before = _init(calls)
    assert "staged" in up.fly("secrets", "set", "--stage", f"LATER={MARK}three", folder=folder)
    assert "staged" in up.fly("secrets", "unset", "--stage", "MORE", folder=folder)
    assert _init(calls) == before
    listed = up.fly("secrets", "list", folder=folder)
    assert re.search(r"^ \* LATER +│ [0-9a-f]{16} │ Staged ", listed, re.MULTILINE)
    assert "fly secrets deploy" in listed and MARK not in listed and " MORE" not in listed
    up.fly("secrets", "deploy", folder=folder)
    environment = _environment(_init(calls))
    assert environment["LATER"] == f"{MARK}three" and "MORE" not in environment
    assert _statuses(up, folder)["LATER"] == "Deployed"
    assert "fly secrets deploy" not in up.fly("secrets", "list", folder=folder)


def test_unsetting_takes_it_away(up: Running, calls: Calls, folder: Path) -> None:
    up.fly("secrets", "unset", "LATER", folder=folder)
    assert "LATER" not in _environment(_init(calls))
    assert "has no secret NOBODY" in up.fly("secrets", "unset", "NOBODY", folder=folder)


def test_an_import_sets_many(up: Running, calls: Calls, folder: Path) -> None:
    lines = f'# ours\nONE={MARK}1\nTWO="{MARK} two words"\nMANY="""\n{MARK}first\nsecond\n"""\n'
    assert MARK not in _pipe(up, folder, lines, "secrets", "import")
    environment = _environment(_init(calls))
    assert (environment["ONE"], environment["TWO"]) == (f"{MARK}1", f"{MARK} two words")
    assert environment["MANY"] == f"{MARK}first\nsecond\n"
    refused = _pipe(up, folder, f"ONE\n{MARK}x", "secrets", "import", code=1)
    assert "line 1" in refused and MARK not in refused
    assert "SECRET=VALUE" in _pipe(up, folder, "\n", "secrets", "import", code=1)


def test_a_machine_that_stops_and_starts_keeps_what_it_was_deployed_with(calls: Calls) -> None:
    (machine,) = calls.ok("GET", "/machines")
    calls.ok("POST", "/secrets", {"values": {"ONE": f"{MARK}changed"}})
    calls.ok("POST", f"/machines/{machine['id']}/stop")
    calls.await_state(machine["id"], "stopped")
    calls.ok("POST", f"/machines/{machine['id']}/start")
    assert _environment(_init(calls))["ONE"] == f"{MARK}1"
    (now,) = calls.ok("GET", "/machines")
    assert now["secrets_version"] == machine["secrets_version"]


def test_secrets_survive_an_agent_that_dies_and_a_start_without_the_api(calls: Calls) -> None:
    (machine,) = calls.ok("GET", "/machines")
    calls.kill("caddis.agent")
    before = calls.main_pid(machine["id"])
    calls.signal("caddis.api", signal.SIGSTOP)
    try:
        os.kill(before, signal.SIGKILL)  # it ends with a failure: its host starts it again, by itself
        after = wait_until(lambda: _find_other(calls, machine["id"], before), "the host started it again")
        environment = _environment(after)
    finally:
        calls.signal("caddis.api", signal.SIGCONT)
    assert (environment["ONE"], environment["TOP"]) == (f"{MARK}1", f"{MARK}one")


def _find_other(calls: Calls, machine: str, before: int) -> int | None:
    with suppress(ValueError):  # there is none at the moment
        found = calls.main_pid(machine)
        return found if found != before else None
    return None


def test_what_cannot_be_a_secret_is_refused_before_anything_changes(up: Running, calls: Calls, folder: Path) -> None:
    before = calls.ok("GET", "/secrets")["version"]
    for words in (["9A=x"], ["A-B=x"], ["ALONE"], ["=x"], ["OK=x", "not ok=y"]):
        assert "Error:" in up.fly("secrets", "set", *words, folder=folder, code=1)
    assert "at least 1 arg" in up.fly("secrets", "set", folder=folder, code=1)
    assert "65536 bytes" in _pipe(up, folder, "x" * 65_537, "secrets", "set", "BIG=-", code=1)
    refused = calls.refused(422, "POST", "/secrets", {"values": {"BIG": MARK + "x" * 65_536}})
    assert "64 KiB" in refused and MARK not in refused
    assert calls.ok("GET", "/secrets")["version"] == before


def test_a_file_needs_its_secret_and_base64(calls: Calls) -> None:
    config = {"image": calls.image, "files": [{"guest_path": "/etc/x", "secret_name": "ABSENT"}]}
    assert "does not have" in calls.refused(422, "POST", "/machines", {"region": "lhr", "config": config})
    config["files"][0]["secret_name"] = "TWO"  # type: ignore[index]
    refused = calls.refused(422, "POST", "/machines", {"region": "lhr", "config": config})
    assert "base64" in refused and MARK not in refused
    assert len(calls.ok("GET", "/machines")) == 1


def test_a_deploy_token_deploys_its_app_and_nothing_else(up: Running, calls: Calls, folder: Path) -> None:
    token = up.fly("tokens", "create", "deploy", "-n", "ci", "-x", "1h", folder=folder).strip()
    ci = replace(up, environment={**up.environment, "FLY_API_TOKEN": token})
    before = calls.ok("GET", "/machines")[0]["instance_id"]
    said = ci.fly("deploy", "--ha=false", folder=folder)
    assert "update succeeded" in said
    (machine,) = calls.ok("GET", "/machines")
    assert machine["instance_id"] != before
    assert json.loads(up.fly("releases", "--json", folder=folder))[0]["user"] == "ci"
    for words in (
        ["apps", "create", "other"],
        ["apps", "destroy", "web", "--yes"],
        ["tokens", "list"],
        ["tokens", "create", "org"],
    ):
        assert "this token is for app web" in ci.fly(*words, folder=folder, code=1)
    listed = up.fly("tokens", "list", folder=folder)
    number = re.search(r"^ (\d+) +│ ci +│ admin ", listed, re.MULTILINE)
    assert number and token not in listed
    assert f"Revoked {number[1]}" in up.fly("tokens", "revoke", number[1], folder=folder)
    assert "revoked" in ci.fly("status", folder=folder, code=1)


def test_a_read_only_token_sees_and_changes_nothing(up: Running, calls: Calls, folder: Path) -> None:
    made = json.loads(up.fly("tokens", "create", "readonly", "--json", folder=folder))
    reader = replace(up, environment={**up.environment, "FLY_API_TOKEN": made["token"]})
    assert "Deployed" in reader.fly("secrets", "list", folder=folder)
    assert "read-only" in reader.fly("secrets", "set", "A=1", folder=folder, code=1)
    assert "read-only" in reader.fly("deploy", folder=folder, code=1)
    assert "Personal" in reader.fly("orgs", "show", folder=folder)
    assert "one organization" in up.fly("orgs", "create", "second", folder=folder, code=1)


def test_launch_sets_secrets_on_the_way(up: Running, calls: Calls) -> None:
    folder = up.data.parent / "shop"
    folder.mkdir()
    words = [
        "launch",
        "--name",
        "shop",
        "--image",
        calls.image,
        "--no-deploy",
        "--yes",
        "--secret",
        f"KEY={MARK}launch",
    ]
    assert MARK not in up.fly(*words, folder=folder)
    assert _statuses(up, folder) == {"KEY": "Staged"}


def test_no_value_is_found_anywhere(up: Running, calls: Calls) -> None:
    """Not on the disk, not in an answer, not among the words of a process, not in a file that others may read."""
    (machine,) = calls.ok("GET", "/machines")
    told = [calls.ask("GET", path).text for path in ("/machines", f"/machines/{machine['id']}/versions", "/secrets")]
    told += [calls.ask("GET", f"/machines/{machine['id']}{verb}").text for verb in ("", "/events", "/ps")]
    assert not [text for text in told if MARK in text]
    encoded = base64.b64encode(FILE.encode())[:16]
    for path in up.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes() if path.name != "pool.img" else b""
            assert MARK.encode() not in content and encoded not in content, path
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                assert MARK.encode() not in entry.joinpath("cmdline").read_bytes(), entry
            except OSError:
                continue
    run = Path("/run/caddis", up.data.joinpath("instance").read_text().strip(), "h1")
    for path in run.glob("containers/*"):
        assert path.stat().st_mode & 0o077 == 0, "the bundle holds the environment"
    (upper,) = run.glob("**/upper/etc/app.key")  # the root's own layer, which is in the pool: a place to bind it to
    assert upper.stat().st_size == 0 and Path(f"/proc/{_init(calls)}/root/etc/app.key").read_text() == FILE
