"""`fly config show` (facts: cli-deploy-launch 8)."""

from __future__ import annotations

from datetime import UTC, datetime

from caddis.cli.call import Call
from caddis.cli.config.remote import released_definition
from caddis.cli.config_file import read_config
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.tables import as_json
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Invalid, NotFound


def run(call: Call) -> None:
    """The current release's configuration as JSON; with --local the file's."""
    from caddis.wire.fly_toml.definition import definition, from_definition
    from caddis.wire.fly_toml.write import write

    if call.switch("yaml"):
        raise Invalid("YAML is not written: use --toml, or JSON without a flag")
    if call.switch("local"):
        path = call.find_config()
        if path is None:
            raise NotFound("App config file not found")
        config = read_config(path)
    else:
        config = from_definition(released_definition(call, call.app()))
    text = write(config, at=datetime.now(UTC)) if call.switch("toml") else as_json(definition(config), indent=2)
    call.say(text, end="")


COMMAND = verb(
    run,
    usage="show",
    long="Show an app's configuration as JSON: that of its newest release, or of the file here with --local.",
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
