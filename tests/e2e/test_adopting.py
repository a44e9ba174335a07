"""A disk from another installation: its volumes are adopted, listed, and deployed on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from caddis.admin.installation import Installation
from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, Running, running

pytestmark = pytest.mark.e2e


def _adopt(up: Running, *words: str, code: int = 0) -> str:
    ran = subprocess.run(
        [BIN / "caddis", "pool", "adopt", *words, "--data", str(up.data)],
        env=up.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def _end_up(up: Running) -> None:
    installation = Installation(up.data)
    os.kill(installation.find_holder() or 0, signal.SIGINT)
    wait_until(lambda: installation.find_holder() is None, "caddis up has ended")


def test_a_volume_lives_on_in_another_installation(tmp_path: Path) -> None:
    with running(hosts=1, pool_size="3G") as old, running(hosts=1, pool_size="5G") as new:
        there = Calls(old, "shop")
        volume = there.make_volume()
        machine = there.make_machine("echo kept > /data/file; sync; sleep 1000", volume=volume)
        there.await_state(machine, "started")
        there.ok("DELETE", f"/machines/{machine}?force=true")
        there.close()
        subprocess.run([BIN / "caddis", "down", "--data", str(old.data)], env=old.environment, check=True)
        image, key = old.data / "hosts/h1/pool.img", old.data / "hosts/h1/wrapping.key"

        refused = _adopt(new, str(image), code=1)
        assert "caddis up already runs" in refused
        _end_up(new)
        assert "does not open with the wrapping key" in _adopt(new, str(image), code=1)
        looked = _adopt(new, str(image), "--wrapping-key", str(key))
        assert f"{volume} (volume data of app shop, 1 GB): can be adopted" in looked and "add --yes" in looked
        done = _adopt(new, str(image), "--wrapping-key", str(key), "--yes")
        assert f"{volume} (volume data of app shop, 1 GB): adopted" in done and "made app shop" in done
        assert "this host has it already" in _adopt(new, str(image), "--wrapping-key", str(key), "--yes")
        with new.up():
            (listed,) = json.loads(new.fly("volumes", "list", "-a", "shop", "--json", folder=tmp_path))
            assert (listed["id"], listed["state"], listed["encrypted"]) == (volume, "created", True)
            here = Calls(new, "other")
            here.app = "shop"
            machine = here.make_machine("sleep 1000", volume=volume)
            here.await_state(machine, "started")
            assert here.shell(machine, "cat /data/file") == "kept\n"
            here.close()


def test_a_pool_whose_host_lost_its_book_fills_a_new_one(tmp_path: Path) -> None:
    with running(hosts=1, pool_size="4G") as up:
        calls = Calls(up, "diary")
        volume = calls.make_volume()
        machine = calls.make_machine("echo kept > /data/file; sync; sleep 1000", volume=volume)
        calls.await_state(machine, "started")
        calls.ok("POST", f"/volumes/{volume}/snapshots")
        wait_until(
            lambda: {one["status"] for one in calls.ok("GET", f"/volumes/{volume}/snapshots")} == {"created"},
            "it is taken",
        )
        calls.ok("DELETE", f"/machines/{machine}?force=true")
        calls.close()
        subprocess.run([BIN / "caddis", "down", "--data", str(up.data)], env=up.environment, check=True)
        for lost in (*(up.data / "hosts/h1").glob("book.sqlite*"), *up.data.glob("catalog.sqlite*")):
            lost.unlink()
        with up.up():
            assert "app not found" in up.fly("volumes", "list", "-a", "diary", folder=tmp_path, code=1)
        assert f"{volume} (volume data of app diary, 1 GB): can be adopted" in _adopt(up)
        done = _adopt(up, "--yes")
        assert "made app diary" in done and done.count(": adopted") == 2
        with up.up():
            (listed,) = json.loads(up.fly("volumes", "list", "-a", "diary", "--json", folder=tmp_path))
            assert (listed["id"], listed["state"]) == (volume, "created")
            said = up.fly("volumes", "snapshots", "list", volume, "-a", "diary", folder=tmp_path)
            assert "created" in said
            here = Calls(up, "other")
            here.app = "diary"
            machine = here.make_machine("sleep 1000", volume=volume)
            here.await_state(machine, "started")
            assert here.shell(machine, "cat /data/file") == "kept\n"
            here.close()
