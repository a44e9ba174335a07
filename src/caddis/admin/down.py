"""`caddis down`: stops all machines of a data folder and detaches everything cleanly."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click

from caddis.admin.choices import Choices, read_choices
from caddis.admin.installation import Installation
from caddis.admin.options import data_option
from caddis.admin.programs import agent_down
from caddis.admin.supervisor import END_DEADLINE, end_strays, plain_sentence
from caddis.domain.errors import Problem, TimedOut
from caddis.kernel.command import Failed, run


@click.command("down")
@data_option
def verb(data: Path) -> None:
    """Stop all machines and detach every volume, mount, address and loop device of this data folder. Data stays.

    Ends `caddis up` first if it runs. Works as well after a reboot, or after something was killed; a second time it
    finds nothing to do and says nothing.
    """
    installation = Installation(data)
    installation.require()
    if pid := installation.find_holder():
        end_holder(installation, pid)
        print(f"ended caddis up (process {pid})")
    with installation.hold():
        take_down(installation)


def end_holder(installation: Installation, pid: int) -> None:
    """Ask the `caddis up` that holds the data to end, and wait for it."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 2 * END_DEADLINE
    while installation.find_holder() is not None:
        if time.monotonic() > deadline:
            raise TimedOut(f"caddis up (process {pid}) did not end", hint=f"kill -9 {pid}; then caddis down again")
        time.sleep(0.05)


def take_down(installation: Installation) -> None:
    """Every host's machines and everything attached; the data must be held."""
    if strays := end_strays(installation.data):
        print(f"ended {strays} program(s) that an earlier caddis up had left behind")
    chosen = read_choices(installation.data / "settings.toml") or Choices()
    for host in installation.list_hosts():
        try:
            done = run(agent_down(installation, chosen, host))
        except Failed as failed:
            raise Problem(f"host {host} could not be taken down: {plain_sentence(failed.stderr)}") from failed
        with (installation.data / "logs" / f"{host}.log").open("ab") as log:
            log.write(done.stderr)
        for line in done.text.splitlines():
            print(f"{host}: {line}", flush=True)
