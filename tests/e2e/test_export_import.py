"""Volumes out and in on a real installation: every file the same; from files, pipes, folders; bad input; kills."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caddis.kernel import loop, mount
from fakes.fly_command import Talk
from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, Running, left_behind, running
from tree import make_tree, scan_tree

pytestmark = pytest.mark.e2e

AGENT = "caddis.agent"
BIG = 60  # MiB


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="16G") as up:
        calls = Calls(up, "moving")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of file, and some that are large."""
    top = tmp_path_factory.mktemp("tree") / "top"
    make_tree(top, devices=False)
    (top / "big").write_bytes(os.urandom(1 << 20) * BIG)
    return top


def import_(calls: Calls, folder: Path, source: str, *words: str, name: str = "moved") -> dict[str, Any]:
    words = ("--from", source, "-r", "lhr", "-a", calls.app, "--require-unique-zone=false", "--json", *words)
    said = calls.up.fly("volumes", "import", name, *words, folder=folder)
    made: dict[str, Any] = json.loads(said[said.index("{") :])
    return made


def destroy(calls: Calls, *volumes: str) -> None:
    for volume in volumes:
        calls.ok("DELETE", f"/volumes/{volume}")


def views(up: Running) -> list[str]:
    """What is left of views: loop devices and mounts of them, and their images in the pool."""
    kernel = [line for line in left_behind(up.data) if "view-" in line]
    pools = Path("/run/caddis").glob(f"{(up.data / 'instance').read_text().strip()}/*/pool/scratch/view-*")
    return kernel + [str(path) for path in pools]


def taken(calls: Calls, volume: str, folder: Path) -> dict[Any, Any]:
    """What is in the volume, by way of a tar and GNU tar."""
    archive, top = folder / "seen.tar", folder / f"seen-{time.monotonic_ns()}"
    calls.up.fly("volumes", "export", volume, "-o", str(archive), "-f", "-a", calls.app, folder=folder)
    top.mkdir()
    command = ["tar", "--extract", "--file", archive, "--xattrs", "--xattrs-include=*", "--directory", top]
    subprocess.run(command, check=True, capture_output=True)
    return scan_tree(top)


@pytest.fixture(scope="module")
def origins(calls: Calls, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The tree in an encrypted volume and in one that is not: a destroyed one would keep its space for a day."""
    folder = tmp_path_factory.mktemp("origins")
    return {flag: import_(calls, folder, str(tree), *flag.split())["id"] for flag in ("", "--no-encryption")}


@pytest.mark.parametrize("encryption", ["", "--no-encryption"])
@pytest.mark.parametrize("name", ["out.tar.zst", "out.tar", "out.ext4.zst", "out.ext4"])
def test_every_file_is_the_same_after_export_and_import(
    calls: Calls, tree: Path, tmp_path: Path, origins: dict[str, str], name: str, encryption: str
) -> None:
    origin = origins[encryption]
    assert taken(calls, origin, tmp_path) == scan_tree(tree)
    out = tmp_path / name
    begun = time.monotonic()
    calls.up.fly("volumes", "export", origin, "-o", str(out), "-a", calls.app, folder=tmp_path)
    middle = time.monotonic()
    again = import_(calls, tmp_path, str(out), *encryption.split())
    print(f"{name} {encryption}: out {middle - begun:.1f} s, in {time.monotonic() - middle:.1f} s")
    assert (again["state"], again["encrypted"]) == ("created", not encryption)
    assert taken(calls, again["id"], tmp_path) == scan_tree(tree)
    assert views(calls.up) == []
    destroy(calls, again["id"])


def test_pipes_and_what_others_packed(calls: Calls, tree: Path, tmp_path: Path) -> None:
    app = ("-a", calls.app)
    packed = tmp_path / "by-gnu.tar.gz"
    gnu = ["tar", "--create", "--sparse", "--xattrs", "--format=posix", "--directory", tree, "."]
    archive = subprocess.run(gnu, check=True, capture_output=True).stdout
    packed.write_bytes(gzip.compress(archive, 1))
    one = import_(calls, tmp_path, str(packed))["id"]
    assert taken(calls, one, tmp_path) == scan_tree(tree)
    line = (
        f"fly volumes export {one} --tar -o - -a {calls.app} |"
        f" fly volumes import piped --from - -r lhr -a {calls.app} --json"
    )
    piped = subprocess.run(line, shell=True, env=calls.up.environment, capture_output=True, text=True, timeout=120)
    assert piped.returncode == 0, piped.stderr
    other = json.loads(piped.stdout)["id"]
    assert taken(calls, other, tmp_path) == scan_tree(tree)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    calls.up.fly("volumes", "export", one, "-o", str(packed), *app, folder=tmp_path, code=1)
    destroy(calls, one, other)


def test_an_image_is_one_that_anybody_mounts(calls: Calls, tree: Path, tmp_path: Path, origins: dict[str, str]) -> None:
    origin = origins[""]
    image, point = tmp_path / "out.ext4", tmp_path / "point"
    calls.up.fly("volumes", "export", origin, "-o", str(image), "-a", calls.app, folder=tmp_path)
    assert image.stat().st_blocks * 512 < image.stat().st_size // 2
    point.mkdir()
    with image.open("rb") as file, loop.attached(file.fileno(), autoclear=True) as device:
        mount.mount(device, point, "ext4", flags=mount.RDONLY)
    try:
        seen = {name: about for name, about in scan_tree(point).items() if name != b"lost+found"}
        wanted = scan_tree(tree)
        assert seen == wanted
    finally:
        assert mount.unmount(point, patience=5)


def test_bad_input_is_one_sentence_and_leaves_nothing(
    calls: Calls, tree: Path, tmp_path: Path, origins: dict[str, str]
) -> None:
    origin = origins[""]
    fly, app = calls.up.fly, ("-a", calls.app)
    good = {}
    for name in ("a.tar.zst", "a.tar", "a.ext4.zst", "a.ext4"):
        fly("volumes", "export", origin, "-o", name, *app, folder=tmp_path)
        good[name] = (tmp_path / name).read_bytes() if name != "a.ext4" else b""
    with (tmp_path / "a.ext4").open("r+b") as file:  # a superblock and group descriptors that lie
        file.seek(4096)
        file.write(os.urandom(4096))
    bad = {
        "cut.tar.zst": (good["a.tar.zst"][:-9], "cut short"),
        "cut2.tar.zst": (good["a.tar.zst"][:300_000], "cut short"),
        "flip.tar.zst": (flipped(good["a.tar.zst"]), "altered"),
        "cut.tar": (good["a.tar"][:-5000], "cut short"),
        "head.tar": (flipped(good["a.tar"], 1024 + 110), "altered"),
        "cut.ext4.zst": (good["a.ext4.zst"][:-9], "cut short"),
        "flip.ext4.zst": (flipped(good["a.ext4.zst"]), "altered"),
        "noise.tar": (os.urandom(100_000), "neither a tar nor an ext4 image"),
        "noise.tar.gz": (b"\x1f\x8b" + os.urandom(1000), "cut short or altered"),
        "empty.tar": (b"", "is empty"),
    }
    before = {volume["id"] for volume in calls.ok("GET", "/volumes")}
    words = ("-r", "lhr", "--require-unique-zone=false", *app)
    for name, (content, sentence) in bad.items():
        (tmp_path / name).write_bytes(content)
        said = fly("volumes", "import", "bad", "--from", name, *words, folder=tmp_path, code=1)
        assert sentence in said, (name, said)
    assert "e2fsck" in fly("volumes", "import", "bad", "--from", "a.ext4", *words, folder=tmp_path, code=1)
    assert "there is no nowhere" in fly(
        "volumes", "import", "bad", "--from", "nowhere", *words, folder=tmp_path, code=1
    )
    assert "--from is missing" in fly("volumes", "import", "bad", *words, folder=tmp_path, code=1)
    for query, sentence in {
        "name=Bad-Name&size_gb=1": "is not valid",
        "name=x&size_gb=many": "not a whole number",
        "name=x&size_gb=1&encrypted=perhaps": "neither true nor false",
        "name=x&size_gb=0": "out of range",
        "name=x&region=nowhere": "region nowhere not found",
    }.items():
        assert sentence in calls.refused(422, "POST", f"/volumes/import?{query}", content=good["a.tar.zst"])
    assert "format 'zip'" in calls.refused(422, "GET", f"/volumes/{origin}/export?format=zip")
    large = tmp_path / "large.tar"
    with tarfile.open(large, "w") as tar:
        member = tarfile.TarInfo("large")
        member.size = 1200 << 20
        with open("/dev/zero", "rb") as zeros:
            tar.addfile(member, zeros)
    said = fly("volumes", "import", "bad", "--from", str(large), *words, folder=tmp_path, code=1)
    assert "1 GB is too small: it takes 2 GB" in said and "add --size 2" in said
    large.unlink()
    assert "has 1 GB left" not in said
    said = fly("volumes", "import", "bad", "--from", "a.tar", "-s", "400", *words, folder=tmp_path, code=1)
    assert "no host of region lhr has 400 GB left" in said
    assert {volume["id"] for volume in calls.ok("GET", "/volumes")} == before
    assert views(calls.up) == []
    for path in ("nothing.txt", "no/folder/x.tar"):
        fly("volumes", "export", origin, "-o", path, *app, folder=tmp_path, code=1)
        assert not (tmp_path / path).exists()
    assert "not found" in fly("volumes", "export", "vol_0000000000000000", "-o", "x.tar", *app, folder=tmp_path, code=1)


def flipped(content: bytes, at: int | None = None) -> bytes:
    at = len(content) * 2 // 3 if at is None else at
    return content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]


def test_files_of_a_snapshot_are_read_without_restoring_it(
    calls: Calls, tree: Path, tmp_path: Path, origins: dict[str, str]
) -> None:
    volume = origins[""]
    id = calls.ok("POST", f"/volumes/{volume}/snapshots")["id"]
    wait_until(lambda: calls.ok("GET", f"/volumes/{volume}/snapshots")[0]["status"] == "created", "it is created")
    fly, app = calls.up.fly, ("-a", calls.app)
    snapshots = ("volumes", "snapshots")
    assert id in fly(*snapshots, "ls", volume, *app, folder=tmp_path)
    begun = time.monotonic()
    listing = json.loads(fly(*snapshots, "ls", id, *app, "--json", folder=tmp_path))
    print(f"ls {time.monotonic() - begun:.2f} s")
    assert len(listing["entries"]) == len(os.listdir(tree))
    shown = fly(*snapshots, "ls", id, "/", *app, folder=tmp_path)
    assert (
        "line\\nbreak" in shown
        and "link -> a/file" in shown
        and "-4751" in fly(*snapshots, "ls", id, "a", *app, folder=tmp_path)
    )
    odd = os.fsdecode(b"\xff\xfe not utf-8")
    for name in ("a/file", "link", "private/db", "line\nbreak", odd, "back\\slash", "/../../a/./file", "empty"):
        asked = [BIN / "fly", *snapshots, "cat", id, name, *app]
        content = subprocess.run(asked, env=calls.up.environment, capture_output=True, check=True).stdout
        assert content == (tree / name.removeprefix("/../../")).read_bytes()
    for name, sentence in {
        "link out": "there is no /link out",
        "dangling": "there is no /dangling",
        "nowhere": "there is no /nowhere",
        "a": "is a directory",
        "pipe": "is a pipe",
        "../../../etc/hostname": "there is no",
    }.items():
        assert sentence in fly(*snapshots, "cat", id, name, *app, folder=tmp_path, code=1)
    fly(*snapshots, "get", id, "big", *app, folder=tmp_path)
    assert (tmp_path / "big").read_bytes() == (tree / "big").read_bytes()
    assert "exists already" in fly(*snapshots, "get", id, "big", *app, folder=tmp_path, code=1)
    fly(*snapshots, "get", id, "a/file", "big", "-f", *app, folder=tmp_path)
    assert (tmp_path / "big").read_bytes() == (tree / "a/file").read_bytes()
    fly(*snapshots, "get", id, "/", "whole", *app, folder=tmp_path)
    assert scan_tree(tmp_path / "whole") == scan_tree(tree)
    calls.ok("POST", "/v1/apps", {"app_name": "curious", "org_slug": "personal"})
    assert "snapshot not found" in fly(*snapshots, "ls", id, "-a", "curious", folder=tmp_path, code=1)
    assert "snapshot not found" in fly(*snapshots, "ls", "vs_0000000000000000", *app, folder=tmp_path, code=1)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    assert views(calls.up) == []


def test_on_a_terminal_each_of_them_tells_how_far_it_is(calls: Calls, tree: Path, tmp_path: Path) -> None:
    volume = import_(calls, tmp_path, str(tree))["id"]
    id = calls.ok("POST", f"/volumes/{volume}/snapshots")["id"]
    wait_until(lambda: calls.ok("GET", f"/volumes/{volume}/snapshots")[0]["status"] == "created", "it is created")
    environment = {**calls.up.environment, "TERM": "xterm"}
    for words, end in (
        (["export", volume, "-o", "x.tar.zst"], "is in x.tar.zst"),
        (["snapshots", "get", id, "big"], "is in big"),
        (["snapshots", "get", id, "/", "whole"], "is in whole"),
        (["import", "seen", "--from", "x.tar.zst", "-r", "lhr", "--require-unique-zone=false"], "Name: seen"),
    ):
        talk = Talk(["volumes", *words, "-a", calls.app], tmp_path, environment)
        assert talk.end() == 0, talk.seen
        assert end in talk.seen
    destroy(calls, volume)


def test_a_client_that_leaves_leaves_nothing_behind(
    calls: Calls, tree: Path, tmp_path: Path, origins: dict[str, str]
) -> None:
    volume = origins[""]
    before = {one["id"] for one in calls.ok("GET", "/volumes")}
    for words in (
        ["export", volume, "-o", "x.tar.zst"],
        ["export", volume, "-o", "x.ext4.zst"],
        ["import", "left", "--from", "-", "-r", "lhr", "--require-unique-zone=false"],
    ):
        for seconds in (0.4, 0.8, 1.5):
            begun = [str(BIN / "fly"), "volumes", *words, "-a", calls.app]
            with subprocess.Popen(begun, cwd=tmp_path, env=calls.up.environment, stdin=subprocess.PIPE) as fly:
                assert fly.stdin is not None
                if words[0] == "import":
                    fly.stdin.write(bytes(64) + b"ustar" * 100_000)
                    fly.stdin.flush()
                time.sleep(seconds)
                fly.send_signal(signal.SIGINT)
            wait_until(lambda: views(calls.up) == [], "nothing is left of it")
            wait_until(lambda: {one["id"] for one in calls.ok("GET", "/volumes")} == before, "no volume is left of it")
            found = set(os.listdir(tmp_path)) - {"x.tar.zst", "x.ext4.zst"}
            assert found == set()
            for name in ("x.tar.zst", "x.ext4.zst"):
                (tmp_path / name).unlink(missing_ok=True)


def test_an_agent_that_is_killed_leaves_nothing_behind(
    calls: Calls, tree: Path, tmp_path: Path, origins: dict[str, str]
) -> None:
    volume = origins[""]
    fly = str(BIN / "fly")

    def listed() -> set[str]:
        return {one["id"] for one in calls.ok("GET", "/volumes")}

    before = listed()
    for words in (
        ["export", volume, "-o", "x.tar.zst"],
        ["export", volume, "-o", "x.ext4"],
        ["import", "killed", "--from", str(tree), "-r", "lhr", "--require-unique-zone=false"],
    ):
        begun = [fly, "volumes", *words, "-a", calls.app]
        with subprocess.Popen(
            begun, cwd=tmp_path, env=calls.up.environment, stderr=subprocess.PIPE, text=True
        ) as asked:
            time.sleep(0.6)
            calls.kill(AGENT)
            said = asked.communicate(timeout=60)[1]
        if asked.returncode == 0:  # it was quicker than the kill
            before = listed()
        else:
            assert said.startswith("Error: "), said
            assert not [name for name in os.listdir(tmp_path) if name.endswith(".part") or name == words[-1]]
        if words[0] == "export":
            (tmp_path / words[-1]).unlink(missing_ok=True)
        wait_until(lambda: views(calls.up) == [], "the new agent has swept")
        wait_until(lambda: listed() == before, "the volumes are as they were")  # noqa: B023
        wait_until(lambda: calls.ok("GET", f"/volumes/{volume}")["host_status"] == "ok", "the agent answers")
        assert calls.ok("GET", f"/volumes/{volume}")["state"] == "created"
