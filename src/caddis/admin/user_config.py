"""The file by which `fly` finds the server and the token: ~/.config/caddis/config.toml, written by `caddis up`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from caddis.admin.installation import write_private
from caddis.client.settings import settings_file


def point_user_at(url: str, token: str, data: Path, environment: Mapping[str, str]) -> str:
    """Write the file (0600); a sentence for the user when it pointed at another installation, else nothing."""
    import tomlkit

    path = settings_file(environment)
    before = _read(path)
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by the last `caddis up`; fly reads it when FLY_API_BASE_URL is not set."))
    document.update({"url": url, "token": token, "data": str(data)})
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, tomlkit.dumps(document))
    other = before.get("data")
    if other and other != str(data):
        return f"{path} pointed at the installation in {other}; from now on fly speaks to this one"
    return ""


def _read(path: Path) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return {}  # whatever it was, it is about to be written anew
    return {key: value for key, value in document.items() if isinstance(value, str)}
