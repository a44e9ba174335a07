"""`caddis doctor`: what this computer can do, what is missing, and the line that brings it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from caddis.admin.options import data_option
from caddis.admin.probes import missing, probe_all, table


@click.command("doctor")
@data_option
def verb(data: Path) -> None:
    """Try everything that Caddis needs of this computer and tell what is so. Exit status 1 if something is missing."""
    found = probe_all(data.absolute(), extras=True)
    print(table(found))
    if lacking := missing(found):
        print(f"\nCaddis cannot run machines here yet: {', '.join(probe.name for probe in lacking)}.")
        sys.exit(1)
    print("\nCaddis can run here: caddis up")
