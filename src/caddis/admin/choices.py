"""What `caddis up` is told, what it was told last time, and what follows from both. Pure but for reading the file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from caddis.domain.errors import Conflict, Invalid
from caddis.domain.io_limits import IoPolicy
from caddis.domain.sizes import GIB, MIB, format_bytes
from caddis.wire.duration import parse_duration

DEFAULT_REGION = "lhr"
DEFAULT_LISTEN = "127.0.0.1:4280"
REGISTRY_LIKE = "127.0.0.1:5000"
MAX_DEFAULT_POOL = 50 * GIB
DEFAULT_POOL_BLOCK = 4096
NO_REGISTRY = "off"
MAX_HOSTS = 16  # on one computer: --hosts is for practising

_REGION = re.compile(r"[a-z][a-z0-9-]{0,14}\Z")
_ZONE = re.compile(r"[a-z0-9][a-z0-9-]{0,14}\Z")
_LISTEN = re.compile(r"(?P<host>[0-9A-Za-z_.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """`zone` "" derives one for each host; `pool` "" is an image file in the data folder, of `pool_bytes` a host.

    `undo` is for how long a destroyed volume can be brought back, like 24h; `registry` "" runs none.
    """

    region: str = DEFAULT_REGION
    zone: str = ""
    hosts: int = 1
    listen: str = DEFAULT_LISTEN
    pool: str = ""
    pool_bytes: int = 0
    undo: str = "24h"
    pool_block_bytes: int = DEFAULT_POOL_BLOCK
    io_limits: str = IoPolicy.OFF.value
    registry: str = ""


_LASTING = (
    "region",
    "zone",
    "pool",
    "pool_bytes",
    "pool_block_bytes",
)  # built into the volumes that exist: never changed afterwards
_FLAG = {"pool_bytes": "--pool-size", "pool_block_bytes": "--pool-block-size"}
_SIZES = ("pool_bytes", "pool_block_bytes")


def choose(given: Mapping[str, Any], kept: Choices | None, *, free_bytes: int) -> Choices:
    """The choices of this run: what is given, else what was kept, else the defaults.

    `given` has only what the user said. Raises Invalid for a bad value, Conflict when a lasting choice would change.
    """
    for name in _LASTING:
        if kept is not None and name in given and given[name] != getattr(kept, name):
            flag = _FLAG.get(name, f"--{name}")
            raise Conflict(
                f"{flag} cannot change any more: this data was made with {_shown(name, kept) or 'none'}",
                hint=f"leave {flag} out, or start another installation: caddis up --data DIR --listen ADDR:PORT",
            )
    chosen = replace(kept or Choices(), **given)
    if chosen.registry == NO_REGISTRY:
        chosen = replace(chosen, registry="")
    _check(chosen)
    if not chosen.pool and not chosen.pool_bytes:
        chosen = replace(chosen, pool_bytes=default_pool_bytes(free_bytes, chosen.hosts))
    if kept is None and not chosen.pool and chosen.pool_bytes * chosen.hosts > free_bytes:
        raise Invalid(
            f"--pool-size {format_bytes(chosen.pool_bytes)} for {chosen.hosts} host(s) is more than the"
            f" {format_bytes(free_bytes)} that the disk has free",
            hint="choose a smaller --pool-size, or another place with --data or --pool",
            field="pool-size",
        )
    return chosen


def default_pool_bytes(free_bytes: int, hosts: int) -> int:
    """Bytes for each host's pool: a third of what is free, at most 50 GB, shared out in whole MiB."""
    return min(free_bytes // 3, MAX_DEFAULT_POOL) // hosts // MIB * MIB


def parse_listen(text: str, *, flag: str = "--listen", like: str = DEFAULT_LISTEN) -> tuple[str, int]:
    """Address and port of "127.0.0.1:4280"; Invalid otherwise. Port 0 means any that is free."""
    match = _LISTEN.match(text)
    if match is None or int(match["port"]) > 65535:
        raise Invalid(
            f"{flag} {text!r} is not an address and a port", hint=f"write it like {like}", field=flag.removeprefix("--")
        )
    return match["host"].strip("[]"), int(match["port"])


def read_choices(path: Path) -> Choices | None:
    """What an earlier `caddis up` kept, or None."""
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return None
    except tomllib.TOMLDecodeError as broken:
        raise Invalid(f"{path} is not TOML: {broken}") from broken
    known = {name: value for name, value in document.items() if name in Choices.__slots__}
    return Choices(**known)


def choices_text(chosen: Choices) -> str:
    """The file that `read_choices` reads."""
    import tomlkit

    document = tomlkit.document()
    document.add(
        tomlkit.comment("What `caddis up` was told; it takes the same again. Region, zone and pool cannot change.")
    )
    document.update(asdict(chosen))
    return tomlkit.dumps(document)


def _check(chosen: Choices) -> None:
    if not _REGION.match(chosen.region):
        raise Invalid(
            f"--region {chosen.region!r} is not a region code: use lowercase letters and digits, like lhr",
            field="region",
        )
    if chosen.zone and not _ZONE.match(chosen.zone):
        raise Invalid(f"--zone {chosen.zone!r} is not a zone: use lowercase letters, digits and dashes", field="zone")
    if not 1 <= chosen.hosts <= MAX_HOSTS:
        raise Invalid(f"--hosts {chosen.hosts} is out of range: 1 to {MAX_HOSTS}", field="hosts")
    if chosen.pool and not chosen.pool.startswith("/"):
        raise Invalid(f"--pool {chosen.pool!r} must be an absolute path to a block device or a folder", field="pool")
    if chosen.io_limits not in tuple(IoPolicy):
        raise Invalid(f"--io-limits {chosen.io_limits!r} is neither off nor fly", field="io-limits")
    parse_listen(chosen.listen)
    if chosen.registry and parse_listen(chosen.registry, flag="--registry", like=REGISTRY_LIKE)[1] == 0:
        raise Invalid(
            "--registry needs a port: its address is part of the names of images",
            hint=f"write it like {REGISTRY_LIKE}",
            field="registry",
        )
    if parse_duration(chosen.undo, field="undo") < 0:
        raise Invalid(f"--undo {chosen.undo} is less than nothing: write it like 24h, or 0s for none", field="undo")


def _shown(name: str, kept: Choices) -> str:
    value = getattr(kept, name)
    return format_bytes(value) if name in _SIZES else str(value)
