"""The page that Caddis is built from (facts: seed-persistent-storage), word for word, on real disks and containers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_up import Running, left_behind, running

pytestmark = pytest.mark.e2e

DOCKERFILE = """
FROM scratch
COPY busybox /bin/busybox
COPY release /release
ENV PATH=/bin
EXPOSE 8080
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/"]
"""
MOUNTS = """
[mounts]
source="myapp_data"
destination="/data"
"""


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    with running(hosts=2) as server:
        yield server
    assert left_behind(server.data) == []


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app") / "myapp"
    folder.mkdir()
    shutil.copy("/bin/busybox", folder / "busybox")
    (folder / "release").write_text("1\n")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


def _volumes(up: Running, app: Path) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = json.loads(up.fly("volumes", "list", "--json", folder=app))
    return found


def test_the_page_from_launch_to_the_last_volume_s_end(up: Running, app: Path) -> None:
    said = up.fly("launch", "--no-deploy", folder=app)
    assert said.endswith("Wrote config file fly.toml\nYour app is ready! Deploy with `flyctl deploy`\n")
    toml = app / "fly.toml"
    plain = toml.read_text()
    toml.write_text(plain + MOUNTS)

    create = ("volumes", "create", "myapp_data", "--region", "lhr", "--size", "1", "--app", "myapp")
    assert "two or more volumes per application" in up.fly(*create, folder=app, code=1)
    up.fly(*create, "--yes", folder=app)
    up.fly(*create, folder=app)
    assert len({volume["zone"] for volume in _volumes(up, app)}) == 2
    assert "needs another host" in up.fly(*create, folder=app, code=1)

    up.fly("deploy", folder=app)
    machines = json.loads(up.fly("machine", "list", "--json", folder=app))
    assert [machine["state"] for machine in machines] == ["started", "started"]
    table = up.fly("volumes", "list", folder=app)
    assert re.match(r" ID +│ STATE +│ NAME +│ SIZE │ REGION │ ZONE │ ENCRYPTED │ ATTACHED VM +│ CREATED AT", table)
    assert {volume["attached_machine_id"] for volume in _volumes(up, app)} == {machine["id"] for machine in machines}

    one = machines[0]["id"]
    write = "/bin/busybox sh -c 'echo kept > /data/entry; echo lost > /file'"
    up.fly("machine", "exec", one, write, folder=app)
    (app / "release").write_text("2\n")
    up.fly("deploy", folder=app)
    assert up.fly("machine", "exec", one, "/bin/busybox cat /release /data/entry", folder=app) == "2\nkept\n"
    assert "No such file" in up.fly("machine", "exec", one, "/bin/busybox cat /file", folder=app)

    attached = str(_volumes(up, app)[0]["id"])
    assert "is attached to machine" in up.fly("volume", "delete", attached, "-y", folder=app, code=1)
    toml.write_text(plain)
    up.fly("deploy", "--yes", folder=app)
    assert {volume["attached_machine_id"] for volume in _volumes(up, app)} == {None}
    for volume in _volumes(up, app):
        up.fly("volume", "delete", str(volume["id"]), "--yes", folder=app)
    assert _volumes(up, app) == []
    up.fly("volumes", "restore", attached, folder=app)
    assert [volume["id"] for volume in _volumes(up, app)] == [attached]
    up.fly("apps", "destroy", "myapp", "--yes", folder=app)


def test_a_release_that_crashes_is_told_with_its_words_and_the_next_goes_on(up: Running, app: Path) -> None:
    (app / "fly.toml").unlink(missing_ok=True)
    up.fly("launch", "--no-deploy", "--name", "crashing", folder=app)
    (app / "Dockerfile").write_text(DOCKERFILE + 'CMD ["/bin/busybox", "sh", "-c", "echo no luck; exit 3"]\n')
    said = up.fly("deploy", "--ha=false", folder=app, code=1)
    assert "no luck" in said
    assert "the app appears to be crashing (exit code 3)" in said
    (app / "Dockerfile").write_text(DOCKERFILE)
    up.fly("deploy", "--ha=false", folder=app)
    (machine,) = json.loads(up.fly("machine", "list", "--json", folder=app))
    assert machine["state"] == "started"
    up.fly("apps", "destroy", "crashing", "--yes", folder=app)
