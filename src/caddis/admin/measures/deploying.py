"""Deploying a new release to two machines with volumes, the image being here already."""

from __future__ import annotations

import tempfile
from pathlib import Path

from caddis.admin.measures.row import Row, median_seconds
from caddis.admin.measures.subject import FLY, REGION, Subject
from caddis.client import apps, machines
from caddis.kernel.command import Command, run

_APP = "bench-deploy"
_ROUNDS = 3


def measure(subject: Subject, parent: Path | None) -> list[Row]:
    """One row, in seconds, for the whole `fly deploy`, until both run; it does not watch them for ten seconds more."""
    subject.client.send(apps.create_app(_APP, "personal"))
    with tempfile.TemporaryDirectory(prefix="caddis-bench-", dir=parent) as folder:
        _write_config(Path(folder), release=0)
        create = (
            "volumes",
            "create",
            "data",
            "--region",
            REGION,
            "--size",
            "1",
            "--yes",
            "--require-unique-zone=false",
        )
        for _ in range(2):
            _fly(subject, folder, *create)
        _fly(subject, folder, "deploy", "--image", subject.image, "--yes")
        made = len(subject.client.send(machines.list_machines(_APP)))
        assert made == 2, f"the first deploy of an app with two volumes made {made} machines"
        releases = iter(range(1, _ROUNDS + 1))

        def deploy() -> None:
            _write_config(Path(folder), release=next(releases))
            _fly(subject, folder, "deploy", "--image", subject.image, "--yes", "--smoke-checks=false")

        seconds = median_seconds(deploy, rounds=_ROUNDS)
    subject.client.send(apps.destroy_app(_APP))
    return [Row(name="fly deploy to two machines with volumes", unit="s", caddis=seconds)]


def _write_config(folder: Path, *, release: int) -> None:
    (folder / "fly.toml").write_text(
        f'app = "{_APP}"\nprimary_region = "{REGION}"\nkill_signal = "SIGKILL"\n'
        f'[env]\nRELEASE = "{release}"\n[mounts]\nsource = "data"\ndestination = "/data"\n'
    )


def _fly(subject: Subject, folder: str, *arguments: str) -> None:
    run(Command(argv=(FLY, *arguments), env=subject.environment(), cwd=folder, deadline=120))
