"""`caddis up`: the API and the agents, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from caddis.admin.options import data_option

_SIZES = ("pool_size", "pool_block_size")


@click.command("up")
@data_option
@click.option("--listen", metavar="ADDR:PORT", help="Where the API listens.  [default: 127.0.0.1:4280]")
@click.option("--region", metavar="CODE", help="The region of this computer's hosts.  [default: lhr]")
@click.option("--zone", metavar="NAME", help="The zone; with several hosts NAME-1, NAME-2…  [default: made up]")
@click.option("--hosts", type=int, metavar="N", help="How many hosts to play on this computer.  [default: 1]")
@click.option(
    "--pool", metavar="WHERE", help="Block device or folder for volumes.  [default: a file in the data folder]"
)
@click.option(
    "--pool-size", metavar="SIZE", help="Of each host's pool file, like 20G.  [default: a third of what is free]"
)
@click.option("--undo", metavar="TIME", help="For how long a destroyed volume can be brought back.  [default: 24h]")
@click.option(
    "--pool-block-size",
    type=click.Choice(["4k", "64k"]),
    help="Of a new pool; 64k needs Linux 6.12 and shortens snapshots.  [default: 4k]",
)
@click.option("--format-pool", is_flag=True, help="Erase the block device of --pool and make a pool of it.")
@click.option(
    "--io-limits",
    type=click.Choice(["off", "fly"]),
    help="What machines may do to volumes that have no limits of their own; fly: by size, as on Fly.  [default: off]",
)
@click.option(
    "--registry",
    metavar="ADDR:PORT",
    help="Run a registry there, for images that docker or buildkit build; off ends it.  [default: none]",
)
@click.option("--stop-machines", is_flag=True, help="On the way out, stop all machines and detach everything.")
def verb(*, data: Path, format_pool: bool, stop_machines: bool, **said: Any) -> int:
    """Run the API and the agents in the foreground until Ctrl-C; machines go on running afterwards.

    What was said before is remembered with the data: a plain `caddis up` takes the same again.
    """
    from caddis.admin.running import Session
    from caddis.domain.sizes import parse_bytes

    given = {name: value for name, value in said.items() if value is not None and name not in _SIZES}
    if said["pool_size"] is not None:
        given["pool_bytes"] = parse_bytes(said["pool_size"], field="pool-size")
    if said["pool_block_size"] is not None:
        given["pool_block_bytes"] = parse_bytes(said["pool_block_size"], field="pool-block-size")
    return Session(data, given, format_pool=format_pool, stop_machines=stop_machines).run()
