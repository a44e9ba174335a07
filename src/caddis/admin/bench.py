"""`caddis bench`: this computer against its own floor, and against docker and podman where they are."""

from __future__ import annotations

import json
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

from caddis.admin.measures import commandline, copies, deploying, inout, lifecycle, memory
from caddis.admin.measures.row import Row, table
from caddis.admin.measures.subject import fresh_installation
from caddis.admin.probes import missing, probe_all
from caddis.admin.probes import table as probe_table
from caddis.domain.errors import Missing

PARTS = ("lifecycle", "memory", "commandline", "deploying", "inout", "copies")


@click.command("bench")
@click.option("--in", "parent", type=click.Path(path_type=Path, exists=True), help="Folder on the disk to measure.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Measure only this; may be repeated.")
@click.option("--json", "results", type=click.Path(path_type=Path), help="Also write the rows to this file.")
def verb(parent: Path | None, only: tuple[str, ...], results: Path | None) -> None:
    """Start an installation of its own in a temporary folder, measure it, print a table, and remove it again.

    Never mind single figures: the ratios are what counts, and both sides of each were taken in this run.
    """
    found = probe_all(parent or Path("/var/tmp"))
    if missing(found):
        raise Missing("this computer cannot run machines:\n" + probe_table(missing(found)), hint="caddis doctor")
    rows = _measure(parent, only or PARTS)
    print(table(rows))
    if results is not None:
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(json.dumps(_document(rows), indent=2) + "\n")
        print(f"\nwritten to {results}")


def _measure(parent: Path | None, wanted: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    with fresh_installation(parent) as subject:
        parts = {
            "lifecycle": lambda: lifecycle.measure(subject, parent),
            "memory": lambda: memory.measure(subject),
            "commandline": lambda: commandline.measure(subject),
            "deploying": lambda: deploying.measure(subject, parent),
            "inout": lambda: inout.measure(subject),
            "copies": lambda: copies.measure(subject),
        }
        for name in PARTS:
            if name in wanted:
                print(f"measuring: {name}", file=sys.stderr, flush=True)
                rows += parts[name]()
    return rows


def _document(rows: list[Row]) -> dict[str, object]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "kernel": platform.release(),
        "processor": platform.machine(),
        "rows": [asdict(row) for row in rows],
    }
