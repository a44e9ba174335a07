"""What `fly releases rollback` does. All that can be refused is refused before the first change."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from caddis.cli.call import Call
from caddis.cli.deploy.comeback import NewVolumes
from caddis.cli.deploy.current import Observed, observe
from caddis.cli.deploy.history import Comeback, Held, choose_target, find_data, list_made_later
from caddis.cli.deploy.moves import Plan, ReplaceMachine, UpdateMachine
from caddis.cli.deploy.options import read_options
from caddis.cli.deploy.releasing import Intent, find_region, make_plan, refuse_suspended, release
from caddis.cli.machine.show_machine import metadata_of
from caddis.client.builds import fetch_image
from caddis.client.releases import list_releases
from caddis.client.volumes import list_volumes
from caddis.domain.errors import Conflict, NotFound, Problem
from caddis.wire.fly_toml.definition import from_definition

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

Wire = Mapping[str, Any]
_MOST = 200
_OURS = "registry.caddis.internal/"


def go_back(call: Call, version: int | None) -> None:
    """To that release, or to the complete one before the newest."""
    app = call.app()
    observed = observe(call, app)
    refuse_suspended(observed)
    releases: Sequence[Wire] = call.send(list_releases(app, limit=_MOST))["releases"]
    target = choose_target(releases, version)
    number = int(target["version"])
    config = _config(call, target, app, observed)
    options = replace(read_options(call, config), skip_release_command=True)
    image = _find_image(call, app, target)
    intent = _intent(target, config, image, options.env)
    the_plan = make_plan(call, intent, observed, options)
    held = _held(call, observed, the_plan) if call.switch("with-data") else []
    later = list_made_later(releases, number, held)
    comebacks = find_data(releases, number, [one for one in held if one not in later])
    volumes = NewVolumes(call=call, app=app, comebacks=comebacks)
    _tell(call, releases, target, comebacks=comebacks, taken=volumes.check())
    for young in later:
        call.say(
            f" * machine {young.machine} [{young.group}] keeps its volume {young.volume} and the data on it:"
            f" it was made after v{number} had been replaced"
        )
    for lost in the_plan.questions:
        call.say(f" * machine {lost.machine} [{lost.group}] loses its volume {lost.volume}, which stays with its data")
    if not call.switch("yes") and not call.confirm(f"Roll {app} back to v{number}?"):
        raise Conflict("rollback cancelled: nothing was changed")
    try:
        release(call, replace(intent, make_volumes=volumes.make), options)
    except (Problem, KeyboardInterrupt):
        volumes.throw_away_unused()
        raise
    for one in comebacks:
        if one.held.machine in volumes.made:
            _tell_of_volume(call, app, one, releases[0])


def _config(call: Call, target: Wire, app: str, observed: Observed) -> FlyToml:
    config = from_definition(target["definition"])
    return replace(config, app=app, primary_region=config.primary_region or find_region(call, observed))


def _find_image(call: Call, app: str, target: Wire) -> str:
    """The reference that leads to what the release ran: its own, or if that means another image by now, the digest."""
    reference, digest = str(target["image_ref"]), str((target.get("metadata") or {}).get("image_digest") or "")
    gone = NotFound(
        f"the image of v{target['version']}, {reference}, is gone: it was not among the app's last complete releases",
        hint="Build it again: check that version of the sources out, and run fly deploy",
    )
    try:
        found = str(call.send(fetch_image(app, reference)).get("digest") or "")
        if digest in ("", found):
            return reference
    except NotFound as absent:
        if not digest:
            raise gone from absent
    pinned = f"{_OURS}{app}@{digest}"
    try:
        call.send(fetch_image(app, pinned))
    except NotFound as absent:
        raise gone from absent
    return pinned


def _intent(target: Wire, config: FlyToml, image: str, env: Mapping[str, str]) -> Intent:
    metadata = target.get("metadata") or {}
    extras = metadata.get("extras") or {}
    for file in config.files:
        if file.local_path and file.local_path not in (extras.get("files") or {}):
            raise NotFound(
                f"release v{target['version']} does not have its local file {file.local_path}: it was not kept",
                hint="Check that version of the sources out, and run fly deploy",
            )
    return Intent(
        config=config,
        image=image,
        digest=str(metadata.get("image_digest") or ""),
        env={**(extras.get("env") or {}), **env},
        files={path: base64.b64decode(content) for path, content in (extras.get("files") or {}).items()},
        extra_files=tuple(extras.get("extra_files") or ()),
        description=f"rollback to v{target['version']}",
    )


def _held(call: Call, observed: Observed, the_plan: Plan) -> list[Held]:
    """The machines with volumes that the plan is about."""
    volumes = call.send(list_volumes(str(observed.app["name"])))
    made_at = {str(one["id"]): datetime.fromisoformat(one["created_at"]) for one in volumes}
    changed = {move.machine for move in the_plan.moves if isinstance(move, UpdateMachine | ReplaceMachine)}
    return [
        Held(
            machine=machine.id,
            group=machine.group,
            volume=machine.mount.volume,
            version=int(metadata_of(observed.machines[machine.id]).get("fly_release_version") or 0),
            made_at=made_at[machine.mount.volume],
        )
        for machine in observed.current.machines
        if machine.mount is not None and machine.id in changed
    ]


def _tell(
    call: Call, releases: Sequence[Wire], target: Wire, *, comebacks: Sequence[Comeback], taken: Mapping[str, str]
) -> None:
    newest, number = int(releases[0]["version"]), int(target["version"])
    call.say(f"This brings back v{number}, deployed at {target['created_at']}, as release v{newest + 1}:")
    call.say(f" * the configuration and the image of v{number}: {target['image_ref']}")
    if not call.switch("with-data"):
        call.say(" * volumes stay as they are: what was written since stays too (see --with-data)")
    for one in comebacks:
        call.say(
            f" * machine {one.held.machine} [{one.held.group}] gets a new volume of snapshot {one.snapshot}, taken at"
            f" {taken[one.snapshot]}, before v{one.before}; its volume {one.held.volume}, with all that was written"
            " since, is set aside"
        )
        if one.before != number + 1:
            since = f"v{number + 1}" + (f" to v{one.before - 1}" if one.before > number + 2 else "")
            call.note(
                f"WARNING: of {one.held.volume} no snapshot was taken before v{number + 1}: the oldest since has what"
                f" {since} wrote, too",
                "yellow",
            )
    if call.switch("with-data") and not comebacks:
        call.say(f" * no volume was touched since v{number}: they stay as they are")


def _tell_of_volume(call: Call, app: str, one: Comeback, before: Wire) -> None:
    call.say(f"\nVolume {one.held.volume} has the data of before, and no machine.")
    if before["status"] == "complete":
        call.say(f"To go back to it: fly releases rollback v{before['version']} --with-data -a {app}")
    call.say(f"When it is not needed any more: fly volumes destroy {one.held.volume} -a {app}")
