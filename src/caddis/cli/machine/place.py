"""`fly machine place`: where machines and their volumes would go now (facts: cli-deploy-launch 5.4)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, JSON, ORG, VM, many, number, text
from caddis.cli.guest import guest_from_flags, guest_to_wire
from caddis.cli.tables import as_json, table
from caddis.cli.verb import at_most, verb
from caddis.client.platform import ask_placements
from caddis.domain.errors import Invalid, Refused
from caddis.domain.machine import Guest
from caddis.domain.sizes import check_volume_size, gb_to_bytes


def run(call: Call) -> None:
    """Asked of the hosts' room at this moment; nothing is reserved."""
    if call.many("weights"):
        raise Refused("--weights: machines are placed by the room that hosts have, which no weights change")
    if call.number("count") < 1:
        raise Invalid(f"--count is {call.number('count')}: ask for one machine or more")
    size = check_volume_size(call.number("volume-size")) if call.given("volume-size") else 0
    wish = {
        "compute": guest_to_wire(guest_from_flags(call, default=Guest())),
        "region": call.text("region") or "any",
        "count": call.number("count"),
        "volume_name": call.text("volume-name"),
        "volume_size_bytes": gb_to_bytes(size or (1 if call.text("volume-name") else 0)),
        "org_slug": call.text("org"),
    }
    regions = call.send(ask_placements(wish))["regions"]
    if call.json:
        call.say(as_json(regions), end="")
        return
    call.say(table(("Region", "Count"), [[one["region"], str(one["count"])] for one in regions]), end="")
    if not regions:
        call.note("No region has room for one of them: choose a smaller size, or add a host", "yellow")


COMMAND = verb(
    run,
    usage="place",
    long="Tell how many of the machines asked for each region has room for, with their volumes; nothing is made.",
    examples=(
        "fly machine place --count 3 --vm-size shared-cpu-2x",
        "fly machine place --count 2 --volume-name data --volume-size 10 --region lhr,ord",
    ),
    flags=(
        *APP_FLAGS,
        ORG,
        number("count", help="How many machines", default=1),
        text("region", help="Regions, comma separated, the best liked first; any for all others"),
        text("volume-name", help="The name of the volume that each would have"),
        number("volume-size", help="Its size in gigabytes"),
        many("weights", help="Refused: machines are placed by the room that there is", commas=True),
        *VM,
        JSON,
    ),
    count=at_most(0),
)
