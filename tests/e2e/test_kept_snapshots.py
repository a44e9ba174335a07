"""Snapshots kept off their hosts on a real installation: in a folder and a bucket, restored elsewhere, damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_s3 import running_s3
from real_up import BIN, left_behind, running

pytestmark = pytest.mark.e2e

FILL = (
    "cd /data; i=0; while [ $i -lt 30 ]; do i=$((i+1)); mkdir -p d$i; head -c $((i*30011)) /dev/urandom > d$i/f; done"
)
SUMS = "cd /data; find . -type f | sort | xargs md5sum; find . | sort | md5sum"


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=2, pool_size="9G") as up:
        calls = Calls(up, "kept")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


def caddis(calls: Calls, *words: str, code: int = 0, **more: str) -> str:
    environment = {**calls.up.environment, **more}
    command = [BIN / "caddis", *words, "--data", str(calls.up.data)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def snapshots(calls: Calls, volume: str) -> list[Any]:
    found: list[Any] = calls.ok("GET", f"/volumes/{volume}/snapshots")
    return found


def take_kept(calls: Calls, volume: str) -> Any:
    """A snapshot, once it is in the store."""
    id = calls.ok("POST", f"/volumes/{volume}/snapshots")["id"]

    def look() -> Any:
        return next((one for one in snapshots(calls, volume) if one["id"] == id and one["kept_at"]), None)

    return wait_until(look, f"snapshot {id} is kept")


def read(calls: Calls, volume: str, script: str) -> str:
    wait_until(lambda: calls.ok("GET", f"/volumes/{volume}")["state"] == "created", "the volume is there")
    machine = calls.make_machine("sleep 1000", volume=volume)
    calls.await_state(machine, "started")
    said = calls.shell(machine, script)
    calls.ok("DELETE", f"/machines/{machine}?force=true")
    return said


def filled(calls: Calls, name: str) -> tuple[str, str, str]:
    """A machine with a volume full of files: machine, volume, what the files are."""
    volume = calls.make_volume(name=name, require_unique_zone=False)
    machine = calls.make_machine(f"{FILL}; sleep 1000", volume=volume)
    calls.await_state(machine, "started")
    wait_until(lambda: "d30" in calls.shell(machine, "ls /data"), "the files are there")
    return machine, volume, calls.shell(machine, f"sync; {SUMS}")


def zone_of(calls: Calls, volume: str) -> Any:
    return calls.ok("GET", f"/volumes/{volume}")["zone"]


def test_a_volume_is_made_anew_on_another_host_from_what_was_kept(calls: Calls) -> None:
    machine, volume, sums = filled(calls, "data")
    first = take_kept(calls, volume)
    assert first["kept_size"] > 10_000_000
    calls.shell(machine, "echo more > /data/more; sync")
    second = take_kept(calls, volume)
    assert second["kept_size"] < first["kept_size"] // 3, "only what changed is stored"
    assert "2 snapshots" in caddis(calls, "store", "check")
    fork = calls.ok("POST", "/volumes", {"name": "data", "source_volume_id": volume})
    assert fork["zone"] != calls.ok("GET", f"/volumes/{volume}")["zone"]
    assert "echo more" not in sums and read(calls, fork["id"], "cat /data/more") == "more\n"
    wanted = {"name": "data", "snapshot_id": first["id"], "size_gb": 2}
    again = calls.ok("POST", "/volumes", wanted)
    assert read(calls, again["id"], SUMS) == sums
    assert again["encrypted"] is True
    shown = calls.ok("GET", f"/volumes/{volume}")
    assert shown["last_kept_snapshot_id"] in [one["id"] for one in snapshots(calls, volume)]
    assert 0 < shown["bytes_used"] < shown["bytes_total"]
    calls.ok("DELETE", f"/machines/{machine}?force=true")


def test_what_the_store_has_lost_is_named_and_never_made_up(calls: Calls) -> None:
    machine, volume, _ = filled(calls, "lost")
    kept = take_kept(calls, volume)
    calls.ok("DELETE", f"/machines/{machine}?force=true")
    chunks = sorted((calls.up.data / "kept" / "chunks").glob("*/*"), key=lambda path: path.stat().st_mtime)
    aside = calls.up.data / "aside"
    chunks[-1].rename(aside)
    assert "DAMAGED" in caddis(calls, "store", "check", code=1)
    wanted = {"name": "lost", "snapshot_id": kept["id"]}  # in the other zone, so not from the clone on this host
    answer = calls.ask("POST", "/volumes", wanted)
    assert answer.status_code == 500 and chunks[-1].name in answer.json()["error"], answer.text
    lost = lambda: [one["id"] for one in calls.ok("GET", "/volumes") if one["name"] == "lost"]  # noqa: E731
    wait_until(lambda: lost() == [volume], "nothing is left of the attempt")
    damaged = bytearray(aside.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    chunks[-1].write_bytes(damaged)
    answer = calls.ask("POST", "/volumes", wanted)
    assert answer.status_code == 500 and chunks[-1].name in answer.json()["error"], answer.text
    shutil.move(aside, chunks[-1])
    assert "every one of them can be restored" in caddis(calls, "store", "check")
    assert calls.ok("POST", "/volumes", wanted)["state"] in ("created", "restoring")


def test_a_bucket_takes_everything_over_and_a_store_that_cannot_be_used_is_red(calls: Calls) -> None:
    machine, volume, sums = filled(calls, "bucket")
    take_kept(calls, volume)
    with running_s3() as s3:
        writer, endpoint, url = s3.users["writer"], s3.endpoint, "s3://kept/of/caddis"
        keys = (writer["access_key"], writer["secret_key"])
        names = {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}
        refused = caddis(calls, "store", "set", url, "--endpoint", endpoint, code=1)
        assert "needs its keys in the environment" in refused
        caddis(calls, "store", "set", "s3://not-there/x", "--endpoint", endpoint, code=1, **names)
        said = caddis(calls, "store", "set", url, "--endpoint", endpoint, **names)
        assert "snapshots are kept in" in said and keys[1] not in said

        count = len(_local(calls))
        wait_until(lambda: f"kept    {count} snap" in caddis(calls, "store", "show"), "all is shipped to the bucket")
        assert "every one" in caddis(calls, "store", "check")
        copy = calls.ok("POST", "/volumes", {"name": "bucket", "source_volume_id": volume})
        assert read(calls, copy["id"], SUMS) == sums
        everything = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout
        assert keys[1] not in everything
        for path in (calls.up.data / "logs").iterdir():
            assert keys[1] not in path.read_text(errors="replace")
        assert os.stat(calls.up.data / "store.json").st_mode & 0o077 == 0
    # the server is gone
    assert "status  red" in caddis(calls, "store", "show", code=1)
    calls.ok("POST", f"/volumes/{volume}/snapshots")
    wait_until(lambda: snapshots(calls, volume)[-1]["status"] == "created", "a snapshot needs no store")
    assert not snapshots(calls, volume)[-1]["kept_at"]
    assert calls.shell(machine, SUMS) == sums
    caddis(calls, "store", "set", f"file://{calls.up.data}/kept")
    again = "it is kept once there is a store again"  # a server that is gone is given up after a minute
    wait_until(lambda: snapshots(calls, volume)[-1]["kept_at"], again, deadline=150)
    calls.ok("DELETE", f"/machines/{machine}?force=true")


def _local(calls: Calls) -> list[Any]:
    volumes = calls.ok("GET", "/volumes")
    return [one for volume in volumes for one in snapshots(calls, volume["id"]) if one["is_local"]]


def test_an_installation_may_do_without_a_store(calls: Calls) -> None:
    caddis(calls, "store", "set", "none")
    assert "none" in caddis(calls, "store", "show")
    volume = calls.make_volume(name="none", require_unique_zone=False)
    fork = {"name": "none", "source_volume_id": volume}

    def stays() -> bool:  # once the agents have noticed
        answer = calls.ask("POST", "/volumes", fork)
        return answer.status_code < 300 and bool(answer.json()["zone"] == zone_of(calls, volume))

    wait_until(stays, "a fork is made beside its origin, because there is no way to the other host", deadline=60)
    caddis(calls, "store", "set", f"file://{calls.up.data}/kept")
    assert Path(calls.up.data / "store.key").stat().st_mode & 0o077 == 0
