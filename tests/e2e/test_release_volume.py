"""A release command that tries its migration on a fork: production's file stays, and nothing else does."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e

SERVE = "test -e /data/app.db || cp /seed.db /data/app.db; sync; sleep 100000"
MIGRATE = """
set -e
echo look > /tmp/look
test "$(md5sum < /data/app.db)" = "$(md5sum < /seed.db)"
test $RELEASE_COMMAND = 1
cp /migrated.db /data/app.db
dd if=/dev/zero of=/data/app.db bs=1k count=2 conv=notrunc
"""


def _database(path: Path, *statements: str) -> bytes:
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    with running(hosts=1, pool_size="6G") as up:
        calls = Calls(up, "ledger")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    made = ("CREATE TABLE entry (text)", "INSERT INTO entry VALUES ('precious')")
    return _database(tmp_path_factory.mktemp("seed") / "app.db", *made)


@pytest.fixture(scope="module")
def app(calls: Calls, seed: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's folder; it was deployed once, before it had a release command."""
    folder = tmp_path_factory.mktemp("app")
    migrated = _database(folder / "m.db", "CREATE TABLE entry (text, at)", "CREATE TABLE note (text)")
    files = {"/seed.db": seed, "/migrated.db": migrated, "/migrate": MIGRATE.encode()}
    image = make_tiny_image(folder, name="ledger", cmd=("sh", "-c", SERVE), files=files)
    (folder / "base.toml").write_text(
        f"""app = "ledger"
primary_region = "lhr"
[build]
  image = "{image}"
[mounts]
  source = "books"
  destination = "/data"
"""
    )
    _write(folder, "")
    calls.up.fly("deploy", "--ha=false", folder=folder)
    return folder


def _write(folder: Path, command: str) -> None:
    section = f"[deploy]\n  release_command = {command!r}\n  release_command_volume = 'fork'\n" if command else ""
    (folder / "fly.toml").write_text((folder / "base.toml").read_text() + section)


def _check_nothing_else_changed(calls: Calls, seed: bytes) -> None:
    (volume,) = calls.ok("GET", "/volumes")  # nothing that waits for its erasure either
    (machine,) = calls.ok("GET", "/machines")
    assert (volume["name"], volume["attached_machine_id"]) == ("books", machine["id"])
    calls.await_state(machine["id"], "started")
    assert calls.shell(machine["id"], "md5sum < /data/app.db").split()[0] == md5(seed).hexdigest()


def test_a_migration_that_breaks_its_file_breaks_a_fork(calls: Calls, app: Path, seed: bytes) -> None:
    _write(app, "sh /migrate")
    said = calls.up.fly("deploy", folder=app)
    assert "Forking volume" in said and "release_command completed successfully" in said
    _check_nothing_else_changed(calls, seed)


def test_a_failed_release_command_leaves_nothing(calls: Calls, app: Path, seed: bytes) -> None:
    _write(app, "sh -c 'rm /data/app.db; exit 3'")
    said = calls.up.fly("deploy", folder=app, code=1)
    assert "exited with non-zero status of 3" in said
    _check_nothing_else_changed(calls, seed)


@pytest.mark.parametrize("moment", ["while it runs", "while the fork is made"])
def test_an_interrupted_deploy_leaves_nothing(calls: Calls, app: Path, seed: bytes, moment: str) -> None:
    _write(app, "sh -c 'rm /data/app.db; sleep 1000'")
    with (app / "said").open("w") as said:
        words = [BIN / "fly", "deploy"]
        deploy = subprocess.Popen(
            words, cwd=app, env=calls.up.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
    if moment == "while it runs":
        wait_until(lambda: len(calls.ok("GET", "/machines")) == 2, "the release command's machine is there")
    else:
        wait_until(lambda: "Forking" in (app / "said").read_text(), "the fork is being made")
    deploy.send_signal(signal.SIGINT)
    assert deploy.wait(60) != 0
    _check_nothing_else_changed(calls, seed)


def test_an_unknown_value_is_refused_with_its_row(calls: Calls, app: Path) -> None:
    (app / "fly.toml").write_text((app / "base.toml").read_text() + "[deploy]\n  release_command_volume = 'real'\n")
    said = calls.up.fly("deploy", folder=app, code=1)
    assert "release_command_volume is 'real'" in said and "row 9" in said
