"""Which server, and with which token: from the environment, else from the file that `caddis up` writes.

`~/.fly` is never read: it belongs to flyctl and to Fly's own servers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caddis.domain.errors import Invalid, Unauthenticated

DEFAULT_URL = "http://127.0.0.1:4280"


@dataclass(frozen=True, slots=True)
class Settings:
    """`token` is empty when there is none."""

    url: str
    token: str

    def require_token(self) -> str:
        """The token; Unauthenticated, with what to do, when there is none."""
        if not self.token:
            raise Unauthenticated(
                "no access token available",
                hint="Start a server with `caddis up`, which writes the token for this user,"
                " or take it from a running one: eval $(caddis env)",
            )
        return self.token


def settings_file(environment: Mapping[str, str]) -> Path:
    """~/.config/caddis/config.toml, or below XDG_CONFIG_HOME."""
    base = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", "/root"), ".config")
    return Path(base) / "caddis" / "config.toml"


def load_settings(environment: Mapping[str, str], *, token: str = "") -> Settings:
    """`token` (from the command line) wins over the environment, which wins over the file."""
    url = environment.get("FLY_FLAPS_BASE_URL") or environment.get("FLY_API_BASE_URL") or ""
    token = token or environment.get("FLY_ACCESS_TOKEN") or environment.get("FLY_API_TOKEN") or ""
    if not (url and token):
        kept = _read(settings_file(environment))
        url, token = url or kept.get("url", ""), token or kept.get("token", "")
    return Settings(url=(url or DEFAULT_URL).rstrip("/"), token=token.strip())


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    import tomllib

    try:
        document = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, OSError) as broken:
        raise Invalid(f"cannot read {path}: {broken}", hint="delete it; `caddis up` writes it anew") from broken
    return {key: value for key, value in document.items() if isinstance(value, str)}
