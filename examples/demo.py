"""The demo: the page on persistent storage, command by command, on real block devices and containers.

`make demo` runs it. Everything happens in a temporary folder and is taken away at the end, also when something goes
wrong. Each command is shown as a person would type it, with its real output; what the story promises is checked after
each step, and the first thing that is not as told ends the demo with its reason and exit status 1.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stage import NotAsTold, Stage

PROJECT = Path(__file__).resolve().parent.parent
APP, VOLUME = "myapp", "myapp_data"
CREATE = f"fly volumes create {VOLUME} --region lhr --size 1 --app {APP}"
MOUNTS = f'\n[mounts]\nsource="{VOLUME}"\ndestination="/data"\n'
DEADLINE = 30.0  # seconds for anything to become so


def main() -> int:
    """Tell the story; the exit status."""
    begun = time.monotonic()
    try:
        with Stage(PROJECT) as stage:
            for scene in (
                launch,
                provision,
                deploy,
                sign,
                release_again,
                look_back,
                lose_the_agent,
                take_the_volume_away,
            ):
                scene(stage)
            stage.told("Clean up: the app, then everything that this installation has in the kernel")
            stage.run(f"fly apps destroy {APP} --yes")
            stage.close()
    except NotAsTold as reason:
        print(f"\nNOT AS TOLD: {reason}", flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nended by you; everything was taken away", flush=True)
        return 130
    except BrokenPipeError:  # nobody listens any more (make demo | head); everything was taken away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    print(
        f"\nAll of it as told, in {time.monotonic() - begun:.0f} s. Nothing of it is left on this machine.", flush=True
    )
    print("Now your own: README.md, section 'Use it'.")
    return 0


def launch(stage: Stage) -> None:
    """An installation with two hosts, and an app that is not deployed yet."""
    stage.told("Two hosts on this one machine: each with its own pool, zone and agent")
    stage.up("caddis up --hosts 2 --region lhr")
    stage.told("Launch an app, but don't deploy immediately")
    said = stage.run(f"fly launch --name {APP} --region lhr --no-deploy", show=4)
    stage.check("Wrote config file fly.toml" in said, "fly launch did not say that it wrote fly.toml")
    stage.check((stage.app / "fly.toml").exists(), "there is no fly.toml")


def provision(stage: Stage) -> None:
    """The [mounts] section, and two volumes in two zones."""
    stage.told("Configure the app to mount a volume, and provision two: hardware fails")
    with (stage.app / "fly.toml").open("a") as config:
        config.write(MOUNTS)
    stage.show(f"cat >> fly.toml  # {' '.join(MOUNTS.split())}")
    first = stage.run(CREATE, answer="y", show=3)
    stage.check("Warning" in first and "downtime" in first, "the first volume was created without a word of warning")
    stage.run(CREATE, answer="y", show=3)
    zones = {volume["zone"] for volume in stage.json(f"fly volumes list --app {APP} --json")}
    stage.check(len(zones) == 2, f"the two volumes are not in two zones but in {sorted(zones)}")


def deploy(stage: Stage) -> None:
    """Build the image here, and start two machines, each with its volume."""
    stage.told("Deploy: the Dockerfile is built on a host, and each volume gets a machine")
    stage.run("fly deploy", show=6)
    said = stage.run("fly volumes list")
    stage.check("ATTACHED VM" in said, "fly volumes list has no column ATTACHED VM")
    machines, volumes = _machines(stage), stage.json("fly volumes list --json")
    stage.check(len(machines) == 2, f"there are {len(machines)} machines, not two")
    stage.check(
        {volume["attached_machine_id"] for volume in volumes} == {machine["id"] for machine in machines},
        "the two volumes are not attached to the two machines",
    )
    devices = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "/dev/loop" in line]
    attached = [line for line in devices if any(volume["id"] in line for volume in volumes)]
    stage.check(len(attached) >= 2, "the volumes are not mounted from block devices")


def sign(stage: Stage) -> None:
    """Something in the volume, and something outside it."""
    stage.told("Sign the guestbook (it keeps its entries below /data), and leave a file outside /data")
    machine = _machines(stage)[0]
    url = _url(machine)
    stage.show(f"curl -d name=Ada -d message=Hello {url}/")
    _until(lambda: _call(f"{url}/healthz"), "the guestbook did not answer")
    _call(f"{url}/", {"name": "Ada", "message": "Hello"})
    stage.show(f"curl {url}/entries", _call(f"{url}/entries"))
    stage.check("Hello" in _call(f"{url}/entries"), "what was signed is not in the guestbook")
    stage.run(f"fly machine exec {machine['id']} 'touch /outside'")
    said = stage.run(f"fly machine exec {machine['id']} 'ls /outside /data'")
    stage.check("/outside" in said and "guestbook.db" in said, "the file outside /data is not there")


def release_again(stage: Stage) -> None:
    """A new release: a new root file system, the same volume."""
    stage.told("Deploy a new release: root file systems are rebuilt, volumes stay")
    before = _machines(stage)[0]
    stage.run("fly deploy --build-arg RELEASE=2", show=4)
    after = _machines(stage)[0]
    stage.check(after["id"] == before["id"], "the machine was replaced instead of updated")
    url = _url(after)
    _until(lambda: "elease 2" in _call(f"{url}/"), "the new release does not answer")
    stage.show(f"curl {url}/entries", _call(f"{url}/entries"))
    stage.check("Hello" in _call(f"{url}/entries"), "the entry was lost with the deploy")
    said = stage.run(f"fly machine exec {after['id']} 'ls /outside'")
    stage.check("No such file" in said, "the file outside /data survived the deploy")


def look_back(stage: Stage) -> None:
    """A snapshot, what happened after it, and a volume made of it."""
    stage.told("Take a snapshot, sign once more, and look back: a new volume holds what was")
    machine = _machines(stage)[0]
    volume = next(
        one["id"] for one in stage.json("fly volumes list --json") if one["attached_machine_id"] == machine["id"]
    )
    stage.run(f"fly volumes snapshots create {volume}")
    _until(lambda: _kept(stage, volume), "the snapshot was not kept off its host")
    stage.run(f"fly volumes snapshots list {volume}")
    stage.show(f"curl -d name=Bob -d message=Later {_url(machine)}/")
    _call(f"{_url(machine)}/", {"name": "Bob", "message": "Later"})
    (snapshot,) = stage.json(f"fly volumes snapshots list {volume} --json")
    said = stage.run(f"fly volumes snapshots ls {snapshot['id']}")
    stage.check("guestbook.db" in said, "the snapshot does not hold the guestbook")
    stage.run(f"fly volumes create looked_back --snapshot-id {snapshot['id']} --yes", show=3)
    said = stage.run("fly volumes list")
    stage.check("last kept" in said, "the list does not tell when the volume was last kept")


def _kept(stage: Stage, volume: str) -> bool:
    return any(one["id"] == volume and one["last_kept_at"] for one in stage.json("fly volumes list --json"))


def lose_the_agent(stage: Stage) -> None:
    """Machines do not care about us."""
    stage.told("Kill the machine's agent: the machine runs on, and the next agent finds it")
    machine = _machines(stage)[0]
    url, born = _url(machine), _birth(stage, machine)
    pid = stage.find_agent(machine["id"])
    stage.show(f"kill -9 {pid}  # the agent of the host that has machine {machine['id']}")
    os.kill(pid, signal.SIGKILL)
    stage.show(f"curl {url}/entries", _call(f"{url}/entries"))
    _until(lambda: _birth(stage, machine) == born, "the new agent did not find the running machine")
    said = stage.run(f"fly machine status {machine['id']}", show=3)
    stage.check("started" in said, "the machine is not shown as started")
    stage.check(stage.find_agent(machine["id"]) != pid, "the agent was not started again")


def take_the_volume_away(stage: Stage) -> None:
    """Remove a volume from the app, then delete it."""
    stage.told("Remove the volume from the app: delete [mounts], deploy, then delete the volume")
    config = stage.app / "fly.toml"
    config.write_text(config.read_text().replace(MOUNTS, ""))
    stage.show("sed -i '/^\\[mounts\\]/,$d' fly.toml")
    stage.run("fly deploy", answer="y", show=4)
    stage.run("fly volumes list")
    volumes = _volumes(stage)
    stage.check(not any(volume["attached_machine_id"] for volume in volumes), "a volume is still attached")
    gone = volumes[0]["id"]
    stage.run(f"fly volume delete {gone}", answer="y", show=3)
    left = [volume["id"] for volume in _volumes(stage) if volume["state"] == "created"]
    stage.check(gone not in left and len(left) == 1, "the volume was not deleted")


def _volumes(stage: Stage) -> list[dict[str, Any]]:
    """Those that the app began with."""
    return [volume for volume in stage.json("fly volumes list --json") if volume["name"] == VOLUME]


def _machines(stage: Stage) -> list[dict[str, Any]]:
    """The app's machines, always in the same order."""
    return sorted(stage.json("fly machine list --json"), key=lambda machine: str(machine["id"]))


def _url(machine: dict[str, Any]) -> str:
    return f"http://[{machine['private_ip']}]:8080"


def _birth(stage: Stage, machine: dict[str, Any]) -> str:
    """When the first process inside was started, in ticks after boot; "" when nobody can tell just now."""
    said = stage.quietly(f"fly machine exec {machine['id']} 'cat /proc/1/stat'")
    fields = re.sub(r"^.*\) ", "", said.strip()).split()
    return fields[19] if len(fields) > 19 else ""


def _call(url: str, form: dict[str, str] | None = None) -> str:
    data = urllib.parse.urlencode(form).encode() if form else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, data, timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError as refused:
        return f"no answer: {refused}" * url.endswith("/entries")


def _until(true: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > end:
            raise NotAsTold(otherwise)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
