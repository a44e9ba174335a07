"""Whole apps on a real installation: restart, suspend, resume, open, images, regions, destroying and bringing back."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e

FLY_TOML = """app = "{app}"
primary_region = "lhr"
kill_signal = "SIGKILL"

[http_service]
  internal_port = 8080

[mounts]
  source = "data"
  destination = "/data"

[[vm]]
  memory = "256mb"
"""


@dataclass(frozen=True)
class Site:
    """A deployed app of two machines with volumes, one on each host; its folder has its fly.toml."""

    calls: Calls
    folder: Path

    def fly(self, *words: str, code: int = 0) -> str:
        return self.calls.up.fly(*words, folder=self.folder, code=code)

    def out(self, *words: str) -> str:
        """Standard output alone."""
        ran = subprocess.run(
            [BIN / "fly", *words], cwd=self.folder, env=self.calls.up.environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    @property
    def machines(self) -> list[str]:
        return self.out("machine", "list", "-q").split()

    def pids(self) -> dict[str, int]:
        return {machine: self.calls.main_pid(machine) for machine in self.machines}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(hosts=2, pool_size="5G") as up:
        calls = Calls(up, "site")
        image = make_tiny_image(
            up.data.parent,
            name="web",
            cmd=("httpd", "-f", "-p", "8080", "-h", "/www"),
            config={"Labels": {"org.opencontainers.image.version": "1.2"}},
            files={"/www/index.html": b"hello\n"},
        )
        site = Site(calls, tmp_path_factory.mktemp("site"))
        (site.folder / "fly.toml").write_text(FLY_TOML.format(app="site"))
        for _ in range(2):
            calls.make_volume()
        site.fly("deploy", "--image", image)
        yield site
        calls.close()
    assert left_behind(up.data) == []


def test_a_restart_gives_every_running_machine_a_new_process_and_leaves_stopped_ones(site: Site) -> None:
    first, second = site.machines
    site.calls.shell(first, "echo kept > /data/kept; echo gone > /gone")
    before = site.pids()
    said = site.fly("apps", "restart", "site")
    assert [line for line in said.splitlines() if line.startswith("Restarting")] == [
        f"Restarting machine {machine}" for machine in (first, second)
    ]
    assert f"Machine {second} restarted successfully!" in said
    after = site.pids()
    assert set(before.values()).isdisjoint(after.values())
    assert site.calls.shell(first, "cat /data/kept; ls /gone 2>/dev/null || true") == "kept\n"
    assert site.calls.ask("GET", f"/machines/{first}/lease").status_code == 404  # given back

    site.fly("machine", "stop", second, "-w", "30")
    assert second not in site.fly("apps", "restart", "--force-stop", "--skip-health-checks")
    assert site.calls.machine(second)["state"] == "stopped"
    site.fly("machine", "start", second)
    site.calls.await_state(second, "started")


def test_a_suspended_app_stands_still_and_what_ran_runs_again(site: Site) -> None:
    first, second = site.machines
    site.fly("machine", "stop", second, "-w", "30")
    said = site.fly("apps", "suspend", "site")
    assert f"Machine {first} is stopped\nSuspended app site: 1 machine stopped\n" in said
    assert not _cgroup_pids(first)
    assert " site │ personal │ suspended │ " in site.fly("apps", "list")
    assert "site is suspended: its machines stay stopped until `fly apps resume site`" in site.fly("status")
    refused = site.fly("deploy", "--image", "nothing", code=1)
    assert "Error: app site is suspended" in refused and "fly apps resume site" in refused

    site.calls.kill("caddis.agent")  # and it stays so when its hosts begin anew
    assert {site.calls.machine(machine)["state"] for machine in (first, second)} == {"stopped"}
    assert "App site is suspended" in site.fly("apps", "restart")
    assert "no machine that runs and serves HTTP" in site.fly("open", code=1)

    assert "Resumed app site: 1 machine started" in site.fly("apps", "resume", "-a", "site")
    assert site.calls.main_pid(first)
    assert site.calls.machine(second)["state"] == "stopped"
    assert "caddis_suspended" not in site.calls.machine(first)["config"]["metadata"]
    assert " site │ personal │ deployed │ " in re.sub(" +", " ", site.fly("apps", "list"))
    assert "Resumed app site: 0 machines started" in site.fly("apps", "resume")
    site.fly("machine", "start", second)
    site.calls.await_state(second, "started")


def _cgroup_pids(machine: str) -> list[str]:
    found = Path("/sys/fs/cgroup").rglob(f"*{machine}*/cgroup.procs")
    return [pid for path in found for pid in path.read_text().split()]


def test_open_prints_an_address_that_answers(site: Site) -> None:
    url = site.out("open", "/index.html").strip()
    assert re.fullmatch(r"http://198\.18\.[0-9.]+:8080/index\.html", url)
    over = time.monotonic() + 20
    while (got := subprocess.run(["curl", "-sg", url], capture_output=True, text=True).stdout) != "hello\n":
        assert time.monotonic() < over, got


def test_images_and_regions_are_told_for_every_machine(site: Site) -> None:
    shown = site.fly("image", "show")
    header = [cell.strip() for cell in shown.splitlines()[1].split("│")]
    assert shown.startswith("Image Details\n")
    assert header == ["MACHINE ID", "REGISTRY", "REPOSITORY", "TAG", "VERSION", "DIGEST", "LABELS"]
    images = json.loads(site.fly("image", "show", "--json"))
    assert [one["MachineID"] for one in images] == site.machines
    assert {one["Version"] for one in images} == {"1.2"}
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one["Digest"]) for one in images)
    assert "is changed by a deploy" in site.fly("image", "update", code=1)

    assert site.fly("regions", "list") == "Regions [app]: lhr\n"
    told = json.loads(site.fly("regions", "list", "-j"))
    assert told == {"ProcessGroupRegions": [{"Name": "app", "Regions": ["lhr"]}]}
    for verb in ("add", "remove", "set", "backup"):
        assert "is no longer supported" in site.fly("regions", verb, "ams", code=1)

    platform = site.fly("platform", "status")
    assert platform.splitlines()[0].endswith(" is operational")
    assert [line.split()[0] for line in platform.splitlines()[2:4]] == ["h1", "h2"]


def test_a_destroyed_app_s_data_comes_back_in_a_new_one_of_its_name(site: Site, tmp_path: Path) -> None:
    up = site.calls.up
    folder = tmp_path
    up.fly("apps", "create", "short-lived", folder=folder)
    up.fly("apps", "create", "second", folder=folder)
    calls = Calls(up, "short-lived", make=False)
    volume = calls.make_volume()
    machine = calls.make_machine("echo precious > /data/file; sync; sleep 1000", volume=volume)
    calls.await_state(machine, "started")
    wait_until(lambda: calls.shell(machine, "cat /data/file || true") == "precious\n", "it has written")
    refused = up.fly("apps", "destroy", "short-lived", "nobody", "-y", folder=folder, code=1)
    assert "there is no app named 'nobody'" in refused and calls.machine(machine)["state"] == "started"
    assert "yes flag must be specified" in up.fly("apps", "destroy", "short-lived", folder=folder, code=1)

    said = up.fly("apps", "destroy", "short-lived", "second", "--yes", folder=folder)
    assert "Destroyed app short-lived\n" in said and "Destroyed app second\n" in said
    ways = re.findall(r"^  fly (.+)$", said, re.MULTILINE)
    assert ways == ["apps create short-lived", f"volumes restore {volume} -a short-lived"]
    assert not _cgroup_pids(machine)
    assert "short-lived" not in up.fly("apps", "list", folder=folder)

    for way in ways:
        up.fly(*way.split(), folder=folder)
    reader = calls.make_machine("cat /data/file; sleep 1000", volume=volume)
    calls.await_state(reader, "started")
    assert calls.shell(reader, "cat /data/file") == "precious\n"
    assert "is deprecated, use `fly apps destroy`" in up.fly("destroy", "short-lived", "-y", folder=folder)
    calls.close()
