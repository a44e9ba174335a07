"""The agent's command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caddis.domain.io_limits import IoPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where this host keeps its things and whom it reports to. `pool_size` in bytes."""

    data: Path
    host: str
    region: str
    zone: str
    api: str
    token_file: Path
    pool: str | None
    pool_size: int | None
    format_pool: bool
    pool_block_size: int | None = None
    down: bool
    verbose: bool
    undo: float = 86_400.0  # seconds
    io_limits: str = "off"
    registry: str = ""  # address of the installation's own
    adopt: str | None = None
    adopt_only: tuple[str, ...] = ()
    wrapping_key: str | None = None
    yes: bool = False

    @property
    def folder(self) -> Path:
        """What this host keeps for good."""
        return self.data / "hosts" / self.host

    @property
    def instance(self) -> str:
        """The installation's short id, which names everything of ours in the kernel."""
        return (self.data / "instance").read_text().strip()

    @property
    def run(self) -> Path:
        """What this host keeps until the next reboot; short, because socket paths are."""
        return Path("/run/caddis") / self.instance / self.host


def parse_options(arguments: Sequence[str]) -> Options:
    """The options; exits with a usage line where they are wrong."""
    parser = argparse.ArgumentParser(prog="caddis-agent", description="The daemon of one host.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--zone", required=True)
    parser.add_argument("--api", default="", help="base URL of the API that takes the reports")
    parser.add_argument(
        "--pool", help="a block device or a folder on a reflink XFS; default: an image in the data folder"
    )
    parser.add_argument("--pool-size", type=int, help="bytes of a new pool image")
    parser.add_argument("--pool-block-size", type=int, help="bytes of a block of a new pool")
    parser.add_argument("--format-pool", action="store_true", help="format the block device given as --pool")
    parser.add_argument("--io-limits", choices=tuple(IoPolicy), default="off", help="limits of volumes that have none")
    parser.add_argument("--registry", default="", help="address of the installation's own registry")
    parser.add_argument("--down", action="store_true", help="stop all machines, detach everything, and exit")
    parser.add_argument("--undo", type=float, default=86_400.0, help="seconds until a destroyed volume is erased")
    parser.add_argument("--adopt", metavar="WHERE", help="take over what another host's pool holds, and exit")
    parser.add_argument("--adopt-only", action="append", default=[], metavar="ID", help="only this of it")
    parser.add_argument("--wrapping-key", metavar="FILE", help="what the keys there are wrapped with")
    parser.add_argument("--yes", action="store_true", help="adopt; without, only tell")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args(arguments)
    token_file = os.environ.get("CADDIS_HOST_TOKEN_FILE") or str(given.data / "hosts" / given.host / "token")
    given.adopt_only = tuple(given.adopt_only)
    return Options(token_file=Path(token_file), **vars(given))
