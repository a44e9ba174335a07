"""Finding fly.toml, reading it, and the one word of it that most verbs need (facts: cli-volumes 0.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from caddis.domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

NAMES = ("fly.toml", "fly.json", "fly.yaml")


def find_config(wanted: str, folder: Path) -> Path | None:
    """What `--config` names (a file, or a folder with a fly.toml), else the first of NAMES in `folder`, else None."""
    if not wanted:
        return next((folder / name for name in NAMES if (folder / name).is_file()), None)
    tried = [folder / wanted, folder / wanted / "fly.toml"]
    for path in tried:
        if path.is_file():
            return path
    raise NotFound(f"no config file found at {tried[0]} or {tried[1]}")


def examine_config(path: Path) -> FlyToml:
    """The whole file, with its faults; Invalid, with row and column, where it is not even TOML, JSON or YAML."""
    from caddis.wire.fly_toml.load import load

    return load(read_text(path), name=path.name)


def read_config(path: Path) -> FlyToml:
    """The whole file; Invalid, with row and key, also where a value has a wrong type."""
    from caddis.wire.fly_toml.load import check_types

    return check_types(examine_config(path))


def read_app_name(path: Path) -> str:
    """Its `app`, "" when it has none; what else may be wrong in the file does not matter here."""
    from caddis.wire.fly_toml.parse import parse

    name = parse(read_text(path), name=path.name).get("app", "")
    return name if isinstance(name, str) else ""


def read_text(path: Path) -> str:
    """Invalid where the file cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise Invalid(f"cannot read {path}: {unreadable}") from unreadable
