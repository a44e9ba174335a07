"""`caddis pool`: what has to do with the space that volumes are carved from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from caddis.admin.choices import Choices, read_choices
from caddis.admin.installation import Installation
from caddis.admin.options import data_option
from caddis.admin.programs import agent_adopt
from caddis.admin.supervisor import end_strays, plain_sentence
from caddis.domain.errors import NotFound, Problem
from caddis.kernel.command import Failed, run


@click.group("pool")
def verb() -> None:
    """Take over volumes from another host's pool: caddis pool adopt."""


@verb.command("adopt")
@click.argument("where", type=click.Path(path_type=Path), required=False)
@data_option
@click.option(
    "--wrapping-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The other host's wrapping.key.  [default: this host's own]",
)
@click.option("--volume", "volumes", multiple=True, metavar="ID", help="Only this one and its snapshots; repeatable.")
@click.option("--host", default="h1", show_default=True, metavar="NAME", help="The host that takes them over.")
@click.option("--yes", is_flag=True, help="Do it. Without, only tell what is there.")
def adopt(*, where: Path | None, data: Path, host: str, yes: bool, **more: Any) -> int:
    """Copy volumes and snapshots out of the pool on a device, in a pool image or in a folder.

    Without WHERE: bring into the book what lies in this host's own pool and the book does not know; nothing is copied.

    WHERE is only read. `caddis up` must not run meanwhile; machines run on. What is damaged, foreign, known here
    already or does not open with the wrapping key is named and left alone. Exit status 1 if something was.
    """
    installation = Installation(data)
    installation.require()
    if host not in installation.list_hosts():
        raise NotFound(f"this installation has no host {host}", hint=f"it has {', '.join(installation.list_hosts())}")
    chosen = read_choices(installation.data / "settings.toml") or Choices()
    key = more["wrapping_key"]
    words = ["--adopt", str(where.absolute()) if where else "own", *(("--yes",) if yes else ())]
    words += ["--wrapping-key", str(key.absolute())] if key else []
    words += [word for id in more["volumes"] for word in ("--adopt-only", id)]
    with installation.hold():
        end_strays(installation.data)
        try:
            done = run(agent_adopt(installation, chosen, host, words))
        except Failed as failed:
            raise Problem(plain_sentence(failed.stderr)) from failed
        found = [json.loads(line) for line in done.text.splitlines()]
        here = [one["app"] for one in found if one["outcome"] in ("adopted", "known")]
        made = _ensure_apps(installation, set(here)) if yes else []
    for one in found:
        print(_line(one))
    for app in made:
        print(f"made app {app}, because this installation had none of that name")
    if not yes and any(one["outcome"] == "can be adopted" for one in found):
        print("\nNothing was changed. To do it, add --yes.")
    return int(any(one["outcome"] == "left" for one in found))


def _line(one: dict[str, Any]) -> str:
    what = f" ({one['what']})" if "what" in one else ""
    why = f": {one['why']}" if one["why"] else ""
    hint = f"\n    {one['hint']}" if one["hint"] else ""
    words = {"left": "left alone", "known": "this host has it already"}
    return f"{one['id']}{what}: {words.get(one['outcome'], one['outcome'])}{why}{hint}"


def _ensure_apps(installation: Installation, names: Iterable[str]) -> list[str]:
    """Have the catalog know the apps of what was adopted; those that were made."""
    from caddis.catalog.apps import create_app, find_app
    from caddis.catalog.bootstrap import PERSONAL
    from caddis.catalog.database import Catalog
    from caddis.catalog.organizations import get_organization

    catalog = Catalog.open(f"sqlite:///{installation.data / 'catalog.sqlite'}")
    try:
        missing = [name for name in sorted(names) if catalog.read(find_app, name) is None]
        owner = catalog.read(get_organization, PERSONAL)
        for name in missing:
            catalog.write(create_app, name, owner, network="", now=datetime.now(UTC))
    finally:
        catalog.close()
    return missing
