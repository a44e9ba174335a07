"""Finding fly.toml, and the one word of it that most verbs need (facts: cli-volumes 0.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from caddis.domain.errors import Invalid, NotFound

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


def read_app_name(path: Path) -> str:
    """Its `app`, "" when it has none."""
    name = read_document(path).get("app", "")
    return name if isinstance(name, str) else ""


def read_document(path: Path) -> dict[str, Any]:
    """The file as it stands; Invalid, with row and column, when it cannot be read."""
    from caddis.wire.fly_toml.load import parse

    if path.suffix == ".yaml":
        raise Invalid(f"{path.name}: YAML is not read yet", hint="Write it as fly.toml or fly.json.")
    return parse(path.read_text(), name=path.name)
