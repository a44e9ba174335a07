"""`fly deploy` in its ways: what is said, which machines there are afterwards, and what a failure or Ctrl-C leaves."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e

TOML = """app = "site"
primary_region = "lhr"
[http_service]
  internal_port = 8080
  [[http_service.checks]]
    interval = "1s"
    timeout = "1s"
    grace_period = "0s"
    path = "/page"
"""
SERVE = "mkdir -p /www; echo {word} > /www/{page}; exec httpd -f -p {address} -h /www"


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="10G") as up:
        calls = Calls(up, "site")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


class Site:
    """An app of two machines without volumes, whose page says which release it is."""

    def __init__(self, calls: Calls, folder: Path) -> None:
        self.calls, self.folder = calls, folder
        self.write()

    def write(self, more: str = "") -> None:
        (self.folder / "fly.toml").write_text(TOML + more)

    def image(self, word: str, *, page: str = "page", address: str = "8080") -> str:
        script = SERVE.format(word=word, page=page, address=address)
        return make_tiny_image(self.folder, name=word, cmd=("sh", "-c", script))

    def deploy(self, word: str, *words: str, code: int = 0, page: str = "page") -> str:
        image = self.image(word, page=page)
        return self.calls.up.fly("deploy", "--image", image, *words, folder=self.folder, code=code)

    def begin(self, word: str, *words: str) -> subprocess.Popen[bytes]:
        """A deploy that the test ends by a signal."""
        with (self.folder / "said").open("w") as said:
            line = [BIN / "fly", "deploy", "--image", self.image(word, page="none"), *words]
            return subprocess.Popen(
                line,
                cwd=self.folder,
                env=self.calls.up.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def machines(self) -> dict[str, Any]:
        found = self.calls.ok("GET", "/machines")
        return {machine["id"]: machine for machine in found if machine["state"] not in ("destroyed", "destroying")}

    def pages(self) -> set[str]:
        return {self.calls.shell(machine, "cat /www/*").strip() for machine in self.machines()}

    def newest(self) -> Any:
        found = json.loads(self.calls.up.fly("releases", "-j", folder=self.folder))
        return found[0]


@pytest.fixture(scope="module")
def site(calls: Calls, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Its first release is out."""
    site = Site(calls, tmp_path_factory.mktemp("site"))
    site.deploy("one")
    return site


def test_rolling_changes_one_after_the_other_once_its_checks_pass(site: Site) -> None:
    before = set(site.machines())
    said = site.deploy("two")
    assert re.search(r"\[1/2\] Machine \w+ \[app\] is waited for to become healthy: 1/1", said)
    assert said.index("[1/2] Machine") < said.index("[2/2] Updating")
    assert set(site.machines()) == before
    assert site.pages() == {"two"}


def test_a_release_whose_checks_fail_stops_at_the_first_machine_and_the_next_goes_on(site: Site) -> None:
    said = site.deploy("broken", "--wait-timeout", "3s", code=126, page="other")
    first, second = sorted(site.machines())
    assert f"[1/2] Machine {first} [app] update failed: timeout reached waiting for health checks" in said
    assert f"[2/2] Machine {second} [app] update canceled" in said
    assert site.newest()["status"] == "failed"
    assert site.pages() == {"broken", "two"}
    assert "fly logs -a site --machine" in said
    site.deploy("mended")
    assert site.pages() == {"mended"}


def test_bluegreen_puts_new_machines_beside_the_old_and_then_the_old_go(site: Site) -> None:
    blue = set(site.machines())
    said = site.deploy("green", "--strategy", "bluegreen")
    green = site.machines()
    assert len(green) == 2 and not blue & set(green)
    assert not any(machine["cordoned"] for machine in green.values())
    assert not any("caddis_replaces" in machine["config"]["metadata"] for machine in green.values())
    assert site.pages() == {"green"}
    phases = ("Creating green", "healthy", "Giving the traffic", "Taking the traffic", "Stopping all", "Destroying all")
    assert [said.index(phase) for phase in phases] == sorted(said.index(phase) for phase in phases)


def test_bluegreen_that_fails_leaves_blue_as_it_was(site: Site) -> None:
    before = {machine: one["instance_id"] for machine, one in site.machines().items()}
    said = site.deploy("bad", "--strategy", "bluegreen", "--wait-timeout", "3s", code=126, page="other")
    assert "Rolling back failed deployment" in said and "Nothing was switched" in said
    after = site.machines()
    assert {machine: one["instance_id"] for machine, one in after.items()} == before
    assert not any(one["cordoned"] or "caddis_replaced_by" in one["config"]["metadata"] for one in after.values())


def test_ctrl_c_during_bluegreen_deletes_the_green_ones_and_lets_go_of_the_leases(site: Site) -> None:
    before = set(site.machines())
    deploy = site.begin("c", "--strategy", "bluegreen")
    wait_until(lambda: "is waited for to become healthy" in (site.folder / "said").read_text(), "greens are there")
    deploy.send_signal(signal.SIGINT)
    assert deploy.wait(60) == 127
    assert set(site.machines()) == before
    assert site.newest()["status"] == "interrupted"
    site.deploy("after")  # at once: no lease is in its way
    assert site.pages() == {"after"}


def test_what_a_killed_deploy_leaves_is_settled_by_the_next(site: Site) -> None:
    before = set(site.machines())
    deploy = site.begin("k", "--strategy", "bluegreen", "--lease-timeout", "5s")
    wait_until(lambda: "is waited for to become healthy" in (site.folder / "said").read_text(), "greens are there")
    deploy.kill()
    deploy.wait(10)
    assert len(site.machines()) == 4
    said = site.deploy("held", code=1)
    assert "lease currently held by admin, expires at" in said
    assert site.newest()["status"] == "running"

    def again() -> str:
        ran = subprocess.run(
            [BIN / "fly", "deploy", "--image", site.image("settled")],
            cwd=site.folder,
            env=site.calls.up.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return ran.stdout if ran.returncode == 0 else ""

    said = wait_until(again, "the lease has ended by itself")
    assert said.count("Destroyed what an earlier deploy left, machine") == 2
    assert set(site.machines()) == before and site.pages() == {"settled"}
    listed = json.loads(site.calls.up.fly("releases", "-j", folder=site.folder))
    assert [one["status"] for one in listed[:2]] == ["complete", "interrupted"]


def test_a_canary_is_tried_first_and_goes_whether_it_sings_or_not(site: Site) -> None:
    before = set(site.machines())
    said = site.deploy("canary", "--strategy", "canary")
    assert "Canary machine" in said and "is healthy, and was destroyed again" in said
    assert set(site.machines()) == before and site.pages() == {"canary"}
    said = site.deploy("dead", "--strategy", "canary", "--wait-timeout", "3s", code=126, page="other")
    assert set(site.machines()) == before and site.pages() == {"canary"}


def test_immediate_waits_for_nothing(site: Site) -> None:
    site.deploy("fast", "--strategy", "immediate", page="other")
    wait_until(lambda: all(one["state"] == "started" for one in site.machines().values()), "they run")
    assert site.pages() == {"fast"}


def test_machine_checks_try_each_machine_from_another_one(site: Site) -> None:
    check = """
[[machine_checks]]
  command = ["sh", "-c", "test $FLY_TEST_COMMAND = 1; wget -qO- http://[$FLY_TEST_MACHINE_IP]:8080/page | grep right"]
"""
    site.write(check)
    site.deploy("right")
    said = site.deploy("wrong", code=1)
    assert "machine check sh -c" in said and "exit code 1" in said
    site.write()
    site.deploy("on")
    assert len(site.machines()) == 2


def test_files_of_the_command_line_are_in_the_machine(site: Site) -> None:
    (site.folder / "motd").write_text("hello")
    site.deploy("files", "--file-local", "/etc/motd=motd", "--file-literal", "/etc/word=a=b", "--env", "A=1")
    for machine in site.machines():
        assert site.calls.shell(machine, "cat /etc/motd /etc/word; echo $A") == "helloa=b1\n"


def test_a_build_secret_is_seen_by_its_step_and_by_nothing_else(site: Site, tmp_path: Path) -> None:
    word = "hush-5f1c8a"
    base = make_tiny_image(tmp_path, name="base")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base}\n"
        "COPY . /context\n"
        "RUN --mount=type=secret,id=word sha256sum < /run/secrets/word > /www/page\n"
        'CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]\n'
    )
    (tmp_path / "fly.toml").write_text(TOML)
    fly = site.calls.up.fly
    said = fly("deploy", "--build-secret", f"word={word}", "--strategy", "immediate", folder=tmp_path)
    assert word not in said
    machine = min(site.machines())
    site.calls.await_state(machine, "started")
    from hashlib import sha256

    assert site.calls.shell(machine, "cut -d' ' -f1 /www/page").strip() == sha256(word.encode()).hexdigest()
    assert site.calls.shell(machine, "find /context /run -type f | sort").split() == [
        "/context/Dockerfile",
        "/context/base.tar",
        "/context/fly.toml",
    ]
    where = ["--exclude=pool.img", word, str(site.calls.up.data)]
    found = subprocess.run(["grep", "-rlF", *where], capture_output=True, text=True)
    assert found.stdout == ""  # no log, layer, cache or leftover has it; the pool has machines, which were looked into
