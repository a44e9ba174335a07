"""The app's configuration: from the local file, else from its current release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from caddis.cli.call import Call
from caddis.cli.config_file import read_config
from caddis.client.releases import get_current_release
from caddis.domain.errors import NotFound

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml


def load_config(call: Call) -> tuple[FlyToml, str]:
    """The configuration and what to call it."""
    path = call.find_config()
    if path is not None:
        return read_config(path), str(path if path.parent != Path.cwd() else path.name)
    from caddis.wire.fly_toml.definition import from_definition

    app = call.app()
    return from_definition(released_definition(call, app)), f"the current release of {app}"


def released_definition(call: Call, app: str) -> dict[str, Any]:
    """The fly.toml, as JSON, of the current release; NotFound before the first."""
    try:
        release = call.send(get_current_release(app))
    except NotFound as absent:
        raise NotFound(
            f"there is no fly.toml here, and the app {app} has no release to take one from",
            hint="fly launch writes one.",
        ) from absent
    definition: dict[str, Any] = release.get("definition") or {}
    return definition
