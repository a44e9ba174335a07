"""`fly image show`: which image each machine of an app runs (facts: flyctl-calls 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON
from caddis.cli.machine.show_machine import config_of
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.client.machines import list_machines

VERSION_LABELS = ("fly.version", "org.opencontainers.image.version")
HEADER = {
    "Machine ID": "MachineID",
    "Registry": "Registry",
    "Repository": "Repository",
    "Tag": "Tag",
    "Version": "Version",
    "Digest": "Digest",
    "Labels": "Labels",
}


def run(call: Call) -> None:
    """One line for each machine."""
    app = call.app()
    details = [details_of(machine) for machine in call.send(list_machines(app))]
    if call.json:
        call.say(as_json(details), end="")
    elif not details:
        call.say(f"No machines are available on this app {app}")
    else:
        rows = [[one[field] for field in HEADER.values()] for one in details]
        call.say(table(tuple(HEADER), rows, title="Image Details"), end="")


def details_of(machine: Mapping[str, Any]) -> dict[str, str]:
    """Its image taken apart; a machine whose image was never unpacked has no digest."""
    reference = machine.get("image_ref") or {}
    labels = reference.get("labels") or {}
    return {
        "MachineID": str(machine["id"]),
        "Registry": str(reference.get("registry") or ""),
        "Repository": str(reference.get("repository") or config_of(machine).get("image", "")),
        "Tag": str(reference.get("tag") or ""),
        "Version": next((str(labels[name]) for name in VERSION_LABELS if labels.get(name)), "N/A"),
        "Digest": str(reference.get("digest") or ""),
        "Labels": ", ".join(f"{name}={value}" for name, value in sorted(labels.items())),
    }


COMMAND = verb(
    run,
    usage="show",
    long="""Show which image each machine of an app runs.

The digest is that of what was unpacked: machines with the same digest run the same bytes, whatever a tag says by now.
The version is the image's own label (fly.version or org.opencontainers.image.version).""",
    examples=("fly image show -a web", "fly image show -a web --json"),
    flags=(*APP_FLAGS, JSON),
    count=at_most(0),
)
