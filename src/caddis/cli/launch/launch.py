"""`fly launch` (facts: cli-deploy-launch 2)."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.apps.organization import choose_organization
from caddis.cli.call import Call
from caddis.cli.config_file import find_config, read_config
from caddis.cli.deploy.flags import common_flags
from caddis.cli.flags import CONFIG, ORG, REGION, Flag, Kind, many, number, switch, text
from caddis.cli.guest import any_given, guest_from_flags
from caddis.cli.launch.configuration import find_mounts, make_config
from caddis.cli.launch.detect import find_source
from caddis.cli.launch.naming import choose_name
from caddis.cli.launch.settings import LAUNCH_GUEST, Settings, show, tweak
from caddis.cli.region import check_region
from caddis.cli.verb import at_most, verb
from caddis.client.apps import create_app
from caddis.client.platform import list_regions
from caddis.domain.errors import Invalid, Missing, NotFound

if TYPE_CHECKING:
    from caddis.cli.launch.scanners.source import Source
    from caddis.wire.fly_toml.config import FlyToml

_LATER = ("from", "into", "attach", "db", "secret", "manifest", "from-manifest")
_ALONE = ("attach", "db")  # flags that may stand without a value
_NO_EFFECT = ("no-db", "no-redis", "no-object-storage", "no-github-workflow", "dockerignore-from-gitignore", "legacy")


def run(call: Call) -> None:
    """Settle everything first; then create the app, write the file, and deploy if wanted."""
    for name in _LATER:
        if call.given(name):
            raise Missing(f"--{name} is not there yet")
    folder = Path(call.text("path") or ".").resolve()
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}")
    target = _target(call, folder)
    _check_target(target)
    old = _old_config(call, folder)
    source = find_source(call, folder, old)
    settings = _settle(call, folder, source, old)
    call.say(f"Creating app in {folder}")
    show(call, settings, source.family if source else "")
    settings = tweak(call, settings)
    config = make_config(call, settings, source=source, old=old, folder=folder)
    created = call.send(create_app(settings.name, settings.organization_slug))
    call.say(f"Created app '{created['name']}' in organization '{settings.organization_slug}'")
    _write(call, config, target)
    if source is not None and _wants_deploy(call):
        from caddis.cli.deploy.rollout import roll_out

        roll_out(call, read_config(target), name=target.name, folder=folder)
        return
    call.say("Your app is ready! Deploy with `flyctl deploy`")


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
    config = read_config(path)
    call.say(f"An existing {path.name} file was found" + (f" for app {config.app}" if config.app else ""))
    if call.switch("copy-config") or call.given("config"):
        return config
    if call.switch("yes"):
        return None
    if not call.interactive:
        raise Invalid(
            f"an existing {path.name} was found: say whether to use it when not running interactively",
            hint="Add --copy-config to use it, or --yes to write a new one.",
        )
    return config if call.confirm("Would you like to copy its configuration to the new app?") else None


def _settle(call: Call, folder: Path, source: Source | None, old: FlyToml | None) -> Settings:
    organization = choose_organization(call)
    name, name_reason = choose_name(call, folder, old.app if old is not None else "")
    regions = call.send(list_regions())
    code, region_reason = str(regions["nearest"]), "this is the nearest region"
    if call.text("region"):
        code, region_reason = call.text("region"), "specified on the command line"
    elif old is not None and old.primary_region:
        code, region_reason = old.primary_region, "from your fly.toml"
    check_region(code, regions)
    region = next(region for region in regions["regions"] if region["code"] == code)
    mounts = find_mounts(call, source, old)
    return Settings(
        organization=str(organization["name"]),
        organization_slug=str(organization["slug"]),
        name=name,
        name_reason=name_reason,
        region=code,
        region_name=f"{region['name']} ({code})",
        region_reason=region_reason,
        guest=guest_from_flags(call, default=LAUNCH_GUEST),
        guest_reason="specified on the command line" if any_given(call) else "most apps need about 1GB of RAM",
        volume=f"{mounts[0].source} at {mounts[0].destination}" if mounts else "",
    )


def _write(call: Call, config: FlyToml, target: Path) -> None:
    from caddis.wire.fly_toml.write import write

    target.write_text(write(replace(config), name=target.name, at=datetime.now(UTC)), encoding="utf-8")
    call.say(f"Wrote config file {target.name}")


def _wants_deploy(call: Call) -> bool:
    if call.switch("no-deploy"):
        return False
    if call.switch("now") or call.switch("yes") or not call.interactive:
        return True
    from caddis.cli.prompts import confirm

    return confirm("Would you like to deploy now?")


LONG = """Create and configure a new app from source code or an image.

It looks at the folder, writes fly.toml, creates the app and, with --now or when asked, deploys it. An existing fly.toml
is used with --copy-config, and asked about otherwise."""

COMMAND = verb(
    run,
    usage="launch",
    long=LONG,
    examples=(
        "fly launch  # from the source in this folder",
        "fly launch --image nginx:1.27 --name web --region lhr --now",
        "fly launch --volume data:/data --vm-memory 512 --no-deploy",
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
        number("internal-port", help="The port that the app listens on", default=-1),
        text("auto-stop", help="What to do with machines that nobody uses: off, stop or suspend", default="stop"),
        text("command", help="The command that the app's machines run"),
        many("volume", "v", help="NAME:/PATH[:OPTIONS]: keep /PATH on a volume of that name"),
        switch("json", help="Write fly.json instead of fly.toml"),
        switch("yaml", help="Not supported"),
        *(Flag(name=name, kind=Kind.TEXT, bare="true" if name in _ALONE else "", hidden=True) for name in _LATER),
        *(switch(name, help="No effect, kept for scripts", hidden=True) for name in _NO_EFFECT),
        *common_flags(),
    ),
    count=at_most(0),
)
