"""`fly config show` (facts: cli-deploy-launch 8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.config.remote import released_config
from caddis.cli.config_file import examine_config
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.tables import as_json
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml


def run(call: Call) -> None:
    """The current release's configuration as JSON; with --local the file's."""
    if call.switch("toml") and call.switch("yaml"):
        raise Invalid("--toml and --yaml cannot be used together: choose one format")
    call.say(_written(call, _config(call)), end="")


def _config(call: Call) -> FlyToml:
    from caddis.wire.fly_toml.load import check_types

    if not call.switch("local"):
        return check_types(released_config(call, call.app()))
    path = call.find_config()
    if path is None:
        raise NotFound("App config file not found", hint="`fly config save -a NAME` writes that of an app here.")
    return check_types(examine_config(path))


def _written(call: Call, config: FlyToml) -> str:
    from caddis.wire.fly_toml.definition import definition
    from caddis.wire.fly_toml.write import write

    if call.switch("toml") or call.switch("yaml"):
        return write(config, name="fly.toml" if call.switch("toml") else "fly.yaml", at=datetime.now(UTC))
    return as_json(definition(config), indent=2)


COMMAND = verb(
    run,
    usage="show",
    long="Show an app's configuration as JSON: that of its current release, or with --local the file's in this folder.",
    examples=(
        "fly config show -a web  # what was released last",
        "fly config show --local --toml",
    ),
    flags=(
        *APP_FLAGS,
        switch("local", help="Show the file in this folder instead"),
        switch("toml", help="As TOML"),
        switch("yaml", help="As YAML"),
    ),
    count=at_most(0),
)
