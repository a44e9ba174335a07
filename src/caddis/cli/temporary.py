"""A machine for the length of a block, for someone to sit at (`fly console`).

It goes however the block ends. Should this program be killed: the machine is marked, and its host destroys it once
nobody sits at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caddis.cli.call import Call
from caddis.cli.deploy.options import read_pairs
from caddis.cli.guest import guest_from_flags, guest_to_wire
from caddis.cli.machine.waiting import wait_until
from caddis.cli.started import CONSOLE
from caddis.client.machines import create_machine, destroy_machine
from caddis.client.releases import get_current_release
from caddis.domain.errors import Conflict, Invalid, NotFound
from caddis.domain.machine import Guest

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

GROUP = "fly_app_console"
_LONGEST_SECONDS = 7 * 24 * 3600
_START_SECONDS = 120.0


@contextmanager
def temporary_machine(call: Call, app: str, config: FlyToml, folder: Path) -> Iterator[str]:
    """Its id, once it is started."""
    body: dict[str, Any] = {"config": _document(call, config, _image(call, app, config, folder), folder)}
    region = call.text("region") or config.primary_region
    if region and not (body["config"].get("mounts") and not call.given("region")):
        body["region"] = region
    machine = str(call.send(create_machine(app, body))["id"])
    call.note(f"Created an ephemeral machine {machine} to run the console.")
    try:
        wait_until(call.client, app, machine, "started", seconds=_START_SECONDS)
        yield machine
    finally:
        call.note(f"Waiting for ephemeral machine {machine} to be destroyed ...")
        with suppress(NotFound, Conflict):  # its host was quicker
            call.send(destroy_machine(app, machine, kill=True))


def _image(call: Call, app: str, config: FlyToml, folder: Path) -> str:
    """--image, what --dockerfile builds, else the current release's."""
    from caddis.cli.deploy.image import choose_image

    if call.text("image") or call.text("dockerfile"):
        return choose_image(call, app, config, folder)
    try:
        return str(call.send(get_current_release(app))["image_ref"])
    except NotFound as absent:
        raise NotFound(
            f"app {app} has no release whose image a console could use",
            hint="Deploy it first, or name an image: fly console --image IMAGE",
        ) from absent


def _document(call: Call, config: FlyToml, image: str, folder: Path) -> dict[str, Any]:
    from caddis.cli.deploy.wanted import read_files
    from caddis.wire.fly_toml.groups import default_group, guest_of, sections_for
    from caddis.wire.fly_toml.machine import Deployed, split_command, to_machine_config

    group = default_group(config)
    document = to_machine_config(config, group, Deployed(image=image, files=read_files(config, folder)))
    kept: dict[str, Any] = {key: document[key] for key in ("image", "env", "files") if key in document}
    sleep = ["sleep", str(_LONGEST_SECONDS)]
    entrypoint = split_command(call.text("entrypoint"), what="--entrypoint")
    sections = sections_for(config, config.vm, group)
    size = guest_of(sections[-1], path="vm") if sections else Guest()
    mounts = [_mount(text) for text in call.many("volume")]
    return {
        **kept,
        "env": {**kept["env"], "FLY_PROCESS_GROUP": GROUP, **read_pairs(call.many("env"), "--env")},
        "init": {"entrypoint": entrypoint, "cmd": sleep} if entrypoint else {"exec": sleep},
        "guest": guest_to_wire(guest_from_flags(call, default=size)),
        "restart": {"policy": "no"},
        "auto_destroy": True,
        "metadata": {"fly_process_group": GROUP, CONSOLE: "true"},
        "dns": {"skip_registration": True},
        **({"mounts": mounts} if mounts else {}),
    }


def _mount(text: str) -> Mapping[str, str]:
    volume, colon, rest = text.partition(":")
    path = rest.partition(":")[0]
    if not volume or not colon or not path.startswith("/"):
        raise Invalid(f"--volume {text!r} is not VOLUME:/PATH", hint="fly console --volume data:/data")
    return {"volume": volume, "path": path}
