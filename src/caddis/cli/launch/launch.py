"""`fly launch` (facts: cli-deploy-launch 2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.config_file import find_config, read_config
from caddis.cli.deploy.flags import common_flags
from caddis.cli.flags import CONFIG, ORG, REGION, Flag, Kind, many, number, switch, text
from caddis.cli.launch.configuration import make_config
from caddis.cli.launch.detect import find_source
from caddis.cli.launch.files import choose_files, write_files
from caddis.cli.launch.secret import choose_secrets, set_secrets
from caddis.cli.launch.settings import show, tweak
from caddis.cli.launch.settle import settle
from caddis.cli.saving import saved
from caddis.cli.verb import at_most, verb
from caddis.client.apps import create_app
from caddis.domain.errors import Invalid, Missing, NotFound, Problem

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

_REFUSED = {
    "attach": "--attach is not there: an app that exists is deployed to with `fly deploy -a NAME`",
    "db": "--db is not there: no database comes with a launch; run Postgres as an app of its own, with a volume",
    "manifest": "--manifest is not there: `fly launch --no-deploy` writes what would be deployed into fly.toml",
    "from-manifest": "--from-manifest is not there: `fly launch --copy-config` launches from a fly.toml",
    "from": "--from is not there: `git clone` the repository, and launch in its folder",
    "into": "--into is not there: `git clone` the repository, and launch in its folder",
    "reuse-app": "--reuse-app is no longer supported: an app that exists is deployed to with `fly deploy -a NAME`",
}
_ALONE = ("attach", "db", "reuse-app", "manifest")  # flags that may stand without a value
_NO_EFFECT = ("no-db", "no-redis", "no-object-storage", "no-github-workflow", "legacy", "force-name")


def run(call: Call) -> None:
    """Settle everything first; then create the app, write its files, and deploy if wanted."""
    for name, refusal in _REFUSED.items():
        if call.given(name):
            raise Missing(refusal)
    folder = _folder(call)
    target = _target(call, folder)
    _check_target(target)
    old = _old_config(call, folder)
    source = find_source(call, folder, old)
    files = choose_files(call, source, folder)
    secrets = choose_secrets(call, source)
    settings = settle(call, folder, source, old)
    make_config(call, settings, source=source, old=old, folder=folder)  # told before any question
    call.say(f"Creating app in {folder}")
    show(call, settings, source.family if source else "")
    settings = tweak(call, settings)
    config = make_config(call, settings, source=source, old=old, folder=folder)
    if not call.switch("no-create-app"):
        created = call.send(create_app(settings.name, settings.organization_slug))
        call.say(f"Created app '{created['name']}' in organization '{settings.organization_slug}'")
    with _named_if_it_breaks(call, settings.name, target):
        write_files(call, files, folder)
        _write(call, config, target)
        if secrets:
            set_secrets(call, settings.name, secrets)
        if source is not None and _wants_deploy(call):
            from caddis.cli.deploy.rollout import roll_out

            roll_out(call, read_config(target), name=target.name, folder=folder)
            return
    call.say("Your app is ready! Deploy with `flyctl deploy`")


def _folder(call: Call) -> Path:
    folder = Path(call.text("path") or ".").resolve()
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}")
    return folder


def _target(call: Call, folder: Path) -> Path:
    if call.switch("yaml"):
        raise Invalid("YAML is not written: use fly.toml, or --json")
    return folder / (call.text("config") or ("fly.json" if call.switch("json") else "fly.toml"))


def _check_target(target: Path) -> None:
    """Whether the file can be written is known before the app is made, which would be left without it."""
    if target.is_dir():
        raise Invalid(f"{target} is a folder: the app's configuration cannot be written there")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise Invalid(
            f"{target} cannot be written",
            hint="Go to a folder of yours that exists, or name one with --path or a file with --config.",
        )


def _old_config(call: Call, folder: Path) -> FlyToml | None:
    """An existing file, if it is wanted; with --yes alone it is not."""
    path = find_config("", folder) if not call.text("config") else folder / call.text("config")
    if path is None or not path.is_file():
        return None
    if call.switch("yes") and not call.switch("copy-config") and not call.given("config"):
        call.say(f"An existing {path.name} file was found; --yes alone does not use it")
        return None
    config = read_config(path)
    call.say(f"An existing {path.name} file was found" + (f" for app {config.app}" if config.app else ""))
    if call.switch("copy-config") or call.given("config"):
        return config
    if not call.interactive:
        raise Invalid(
            f"an existing {path.name} was found: say whether to use it when not running interactively",
            hint="Add --copy-config to use it, or --yes to write a new one.",
        )
    return config if call.confirm("Would you like to copy its configuration to the new app?") else None


def _write(call: Call, config: FlyToml, target: Path) -> None:
    from caddis.wire.fly_toml.write import write

    with saved(target.resolve(), force=True) as file:
        file.write(write(config, name=target.name, at=datetime.now(UTC)).encode())
    call.say(f"Wrote config file {target.name}")


@contextmanager
def _named_if_it_breaks(call: Call, app: str, target: Path) -> Iterator[None]:
    """The app is there by now: whatever ends the launch, the person knows of it and how to go on."""
    try:
        yield
    except (Problem, KeyboardInterrupt, EOFError, OSError):
        go_on = "`fly deploy`" if target.exists() else f"`fly launch --no-create-app --name {app}`"
        call.note(f"\nThe app {app} was created. Go on with {go_on}, or take it away: fly apps destroy {app}", "yellow")
        raise


def _wants_deploy(call: Call) -> bool:
    if call.switch("no-deploy"):
        return False
    if call.switch("now") or call.switch("yes") or not call.interactive:
        return True
    from caddis.cli.prompts import confirm

    return confirm("Would you like to deploy now?")


LONG = """Create and configure a new app from source code or an image.

It recognises what the folder holds, writes a Dockerfile where there is none, and fly.toml, creates the app and, with
--now or when asked, deploys it. An existing fly.toml is used with --copy-config, and asked about otherwise."""

COMMAND = verb(
    run,
    usage="launch",
    long=LONG,
    examples=(
        "fly launch  # look at this folder, ask, and deploy",
        "fly launch --yes --name notes --volume data:/data  # without questions, /data on a volume",
        "fly launch --no-deploy --ha=false  # write the files and stop there",
        "fly launch --copy-config --yes  # a new app from the fly.toml that is here",
        "fly launch --image docker-archive:/srv/app.tar --internal-port 80 --now",
    ),
    flags=(
        CONFIG,
        REGION,
        ORG,
        text("name", help="Name of the new app"),
        switch("generate-name", help="Generate a name"),
        text("path", help="The folder of the app", default="."),
        switch("copy-config", help="Use the configuration of an existing fly.toml"),
        switch("no-deploy", help="Do not ask for a deploy"),
        switch("dockerignore-from-gitignore", help="Write a .dockerignore from the .gitignore files"),
        number("internal-port", help="The port that the app listens on", default=-1),
        text("auto-stop", help="What to do with machines that nobody uses: off, stop or suspend", default="stop"),
        text("command", help="The command that the app's machines run"),
        many("volume", "v", help="NAME:/PATH[:OPTIONS]: keep /PATH on a volume of that name; may be repeated"),
        many("secret", help="NAME=VALUE: a secret of the app, or NAME=- to read it from stdin; may be repeated"),
        switch("json", help="Write fly.json instead of fly.toml"),
        switch("yaml", help="Not supported"),
        switch("no-create-app", help="Use an app that exists", aliases=("no-create",), hidden=True),
        *(Flag(name=name, kind=Kind.TEXT, bare="true" if name in _ALONE else "", hidden=True) for name in _REFUSED),
        *(switch(name, help="No effect, kept for scripts", hidden=True) for name in _NO_EFFECT),
        *common_flags(),
    ),
    count=at_most(0),
)
