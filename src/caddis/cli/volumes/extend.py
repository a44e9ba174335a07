"""`fly volumes extend [volume id]` (facts: cli-volumes 6)."""

from __future__ import annotations

import re

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, YES, text
from caddis.cli.verb import at_most, verb
from caddis.cli.volumes.show_volume import choose_volume, print_volume
from caddis.cli.volumes.whose import choose_app
from caddis.client.volumes import extend_volume, get_volume
from caddis.domain.errors import Invalid

_SIZE = re.compile(r"(?P<number>-?[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[kmgtp]?)i?b?\Z", re.IGNORECASE)
_PER_GB = {"": 1.0, "k": 1e-6, "m": 1e-3, "g": 1.0, "t": 1e3, "p": 1e6}


def run(call: Call) -> None:
    """The new size, or with + how much is added. The machine goes on running."""
    size, more = parse_size(call.text("size"))
    app = choose_app(call)
    volume = choose_volume(call, app)
    if more:
        size += int(call.send(get_volume(app, volume))["size_gb"])
    extended = call.send(extend_volume(app, volume, size))
    print_volume(call, extended["volume"], app)
    if call.json:
        return
    machine = extended["volume"].get("attached_machine_id")
    if extended["needs_restart"]:
        call.say(
            f"Your volume got its space; its file system grows when machine {machine} is stopped and started:"
            f" fly machine restart {machine} -a {app}"
        )
    else:
        call.say("Your volume was extended; no restart is needed")


def parse_size(given: str) -> tuple[int, bool]:
    """Whole GB, and whether they come on top of what the volume has: "5", "+5", "5gb", "1TB". Pure."""
    more = given.strip().startswith("+")
    match = _SIZE.match(given.strip().removeprefix("+").strip())
    if match is None:
        raise Invalid(f"invalid size: {given!r}", hint="Write it like 5 or 5GB, or +2 to add 2 GB.", field="size")
    size = int(float(match["number"]) * _PER_GB[match["unit"].lower()])
    if size == 0:
        raise Invalid("Volume size must be specified", hint="It is in whole GB: --size 5, or --size +2.", field="size")
    return size, more


LONG = """Extend a volume to a larger size, while its machine runs.

The file system grows with it; the answer says whether the machine must be restarted to see the new size. A volume
never gets smaller: to shrink one, export it and import it into a new one."""

COMMAND = verb(
    run,
    usage="extend [volume id]",
    long=LONG,
    examples=(
        "fly volumes extend vol_4ze86k1w0n2rq5py --size 10  # to 10 GB",
        "fly volumes extend vol_4ze86k1w0n2rq5py -s +5  # by 5 GB",
    ),
    flags=(*APP_FLAGS, text("size", "s", help="New size in GB, or with + how many GB to add"), YES, JSON),
    count=at_most(1),
)
