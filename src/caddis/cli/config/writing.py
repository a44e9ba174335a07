"""Writing an app's configuration: the one way for launch, `apps create --save` and `config save`."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.config_file import read_text
from caddis.cli.saving import saved
from caddis.domain.errors import Invalid

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml


def write_config(config: FlyToml, path: Path, *, anew: bool = False) -> None:
    """Write it in the format that the name says. A file that is there keeps its comments and order, unless `anew`."""
    from caddis.wire.fly_toml.revise import revise
    from caddis.wire.fly_toml.write import write

    target, now = path.resolve(), datetime.now(UTC)  # a link stays one
    there = target.exists()
    old = None if anew or not there else _find_text(target)
    text = write(config, name=path.name, at=now) if old is None else revise(old, config, name=path.name, at=now)
    mode = stat.S_IMODE(target.stat().st_mode) if there else 0o666
    with saved(target, force=True, mode=mode) as file:
        file.write(text.encode())


def config_name(call: Call) -> str:
    """What the file is to be called: by --config, --json or --yaml."""
    formats = [name for name in ("json", "yaml") if call.switch(name)]
    if len(formats) > 1:
        raise Invalid("--json and --yaml cannot be used together: a file has one format")
    return call.text("config") or f"fly.{formats[0] if formats else 'toml'}"


def _find_text(path: Path) -> str | None:
    try:
        return read_text(path)
    except Invalid:  # not text: there is nothing in it to keep
        return None
