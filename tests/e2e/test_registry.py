"""`caddis up --registry`: what docker, buildkit or skopeo push there is deployed by its name."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import Running, free_port, left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def up(address: str) -> Iterator[Running]:
    with running("--registry", address, hosts=1, pool_size="4G") as up:
        yield up
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def calls(up: Running) -> Iterator[Calls]:
    calls = Calls(up, "pushed")
    yield calls
    calls.close()


def _push(image: str, to: str, token: str) -> subprocess.CompletedProcess[str]:
    words = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false"]
    words += [f"--dest-creds=x:{token}"] if token else ["--dest-no-creds"]
    return subprocess.run([*words, image, f"docker://{to}"], capture_output=True, text=True, timeout=60)


def test_an_image_that_was_pushed_is_deployed_by_its_name(calls: Calls, up: Running, address: str) -> None:
    image = make_tiny_image(up.data.parent, name="web", cmd=("sh", "-c", "exec sleep infinity"))
    name = f"{address}/pushed:deployment-1"
    pushed = _push(image, name, calls.token)
    assert pushed.returncode == 0, pushed.stderr
    (up.data.parent / "fly.toml").write_text('app = "pushed"\nprimary_region = "lhr"\n')
    said = up.fly("deploy", "-a", "pushed", "--image", name, "--ha=false", "-y", folder=up.data.parent)
    (machine,) = calls.ok("GET", "/machines")
    assert machine["state"] == "started" and machine["config"]["image"] == name, said
    told = machine["image_ref"]
    assert (told["registry"], told["repository"], told["tag"]) == (address, "pushed", "deployment-1")


@pytest.mark.parametrize("token", ["", "cds1_wrong"])
def test_without_a_token_of_the_installation_nothing_is_pushed(up: Running, address: str, token: str) -> None:
    refused = _push(make_tiny_image(up.data.parent), f"{address}/pushed:x", token)
    assert refused.returncode != 0 and "unauthorized" in refused.stderr.lower()


def test_images_of_an_app_that_is_not_there_are_denied(calls: Calls, up: Running, address: str) -> None:
    refused = _push(make_tiny_image(up.data.parent), f"{address}/nobody:x", calls.token)
    assert refused.returncode != 0 and "denied" in refused.stderr


def test_no_password_stands_in_a_command_line_or_a_readable_file(calls: Calls, up: Running) -> None:
    own = up.data / "hosts" / "h1" / "registry.json"
    assert own.stat().st_mode & 0o077 == 0 and (up.data / "registry" / "token.key").stat().st_mode & 0o077 == 0
    token = (up.data / "hosts" / "h1" / "token").read_text().strip()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert token not in entry.read_bytes().decode(errors="replace")
        except OSError:
            continue


def test_a_registry_that_was_killed_is_started_again(calls: Calls, up: Running, address: str) -> None:
    config = str(up.data / "registry" / "config.yml")
    (pid,) = _pids_with(config)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: [one for one in _pids_with(config) if one != pid], "another registry")
    image = make_tiny_image(up.data.parent, name="again")
    wait_until(lambda: _push(image, f"{address}/pushed:again", calls.token).returncode == 0, "it takes images again")


def test_env_says_where_the_registry_is(up: Running, address: str) -> None:
    said = subprocess.run(
        [Path(up.environment["PATH"].split(":")[0]) / "caddis", "env", "--data", str(up.data)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"export FLY_REGISTRY_HOST={address}" in said.stdout


def _pids_with(word: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found
