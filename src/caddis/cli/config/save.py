"""`fly config save` (facts: cli-deploy-launch 8)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.config.remote import released_config
from caddis.cli.config.writing import config_name, write_config
from caddis.cli.config_file import examine_config
from caddis.cli.flags import APP_FLAGS, YES, switch
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml


def run(call: Call) -> None:
    """Look and ask first; then the file is written whole, or left alone."""
    path = Path.cwd() / config_name(call)
    if path.is_dir():
        path /= "fly.toml"
    if not path.parent.is_dir():
        raise NotFound(f"there is no folder {path.parent}")
    app = _app(call, path)
    config = replace(released_config(call, app), app=app)
    if path.exists():
        if not call.switch("yes") and not call.confirm(f"An existing {path.name} was found. Overwrite it?"):
            raise Conflict(f"{path.name} was left as it is")
        config = _keep_build(call, config, path)
    write_config(config, path)
    call.say(f"Wrote config file {path.name}")


def _app(call: Call, path: Path) -> str:
    """The -a flag, FLY_APP, or what the file here says; a --config that is not there yet says nothing."""
    named = call.text("app") or os.environ.get("FLY_APP", "")
    return named or (call.app() if path.exists() or not call.text("config") else _refuse())


def _refuse() -> str:
    raise Invalid("no app is named", hint="Say which: `fly config save -a NAME`.")


def _keep_build(call: Call, config: FlyToml, path: Path) -> FlyToml:
    """How an image is built is often only said locally: a [build] that differs may stay, and does with --yes."""
    try:
        local = examine_config(path)
    except Invalid:
        return config
    if local.build is None or local.build == config.build:
        return config
    keep = call.switch("yes") or call.confirm(f"Keep the [build] section of {path.name}?", default=True)
    return replace(config, build=local.build) if keep else config


COMMAND = verb(
    run,
    usage="save",
    long="Save an app's configuration, as it was released last, to a file. A file that is there keeps its comments.",
    examples=(
        "fly config save -a web  # to fly.toml in this folder",
        "fly config save -a web --yaml --yes",
        "fly config save -a web -c staging/fly.toml",
    ),
    flags=(
        *APP_FLAGS,
        switch("json", help="Write fly.json instead of fly.toml"),
        switch("yaml", help="Write fly.yaml instead of fly.toml"),
        YES,
    ),
    count=at_most(0),
)
