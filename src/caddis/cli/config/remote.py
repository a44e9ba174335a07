"""The app's configuration: from the local file, else from its current release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from caddis.cli.call import Call
from caddis.cli.config_file import examine_config
from caddis.client.apps import get_app
from caddis.client.releases import get_current_release
from caddis.domain.errors import NotFound

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml


def load_config(call: Call) -> tuple[FlyToml, str]:
    """The configuration, with its faults, and what to call it."""
    path = call.find_config()
    if path is not None:
        return examine_config(path), str(path if path.parent != Path.cwd() else path.name)
    app = call.app()
    return released_config(call, app), f"the current release of {app}"


def released_config(call: Call, app: str) -> FlyToml:
    """That of the current release; NotFound before the first."""
    from caddis.wire.fly_toml.definition import from_definition

    return from_definition(released_definition(call, app))


def released_definition(call: Call, app: str) -> dict[str, Any]:
    """The fly.toml, as JSON, of the current release; NotFound before the first."""
    try:
        release = call.send(get_current_release(app))
    except NotFound as absent:
        call.send(get_app(app))  # an app that is not there is another matter
        raise NotFound(
            f"there is no fly.toml here, and the app {app} has no release to take one from",
            hint="`fly launch` writes one, and `fly deploy` makes a release of it.",
        ) from absent
    definition: dict[str, Any] = release.get("definition") or {}
    return definition
