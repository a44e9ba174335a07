"""`fly scale count N | +N | -N | group=N …` (facts: cli-deploy-launch 4.1)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, VM, YES, Flag, Kind, many, number, switch, text
from caddis.cli.verb import at_least, verb

FLAGS = (
    *APP_FLAGS,
    YES,
    Flag(name="process-group", kind=Kind.TEXT, short="g", help="The process group to scale", aliases=("group",)),
    number("max-per-region", help="Most machines of the group in one region; -1 is no limit", default=-1),
    many("region", "r", help="Only these regions, comma separated", commas=True),
    switch("with-new-volumes", help="New volumes for the new machines, even where unattached ones wait"),
    text("from-snapshot", help='Fill the new volumes from this snapshot; "last" is the newest of the group\'s volume'),
    many("env", "e", help="NAME=VALUE for the new machines' environment; may be repeated"),
    *VM,
)


def run(call: Call) -> None:
    """Look, plan, ask, and carry the plan out."""
    from caddis.cli.scale.counting.whole import scale_count

    scale_count(call)


COMMAND = verb(
    run,
    usage="count <count> | <group>=<count> ...",
    long="Change the number of an app's machines. The new ones are like those that are there; machines with a volume"
    " get one that waits unattached in the region, else a new one of the same size. Volumes of machines that go stay.",
    examples=(
        "fly scale count 2  # two machines in the regions where the app is",
        "fly scale count +1 --region ord  # one more in ord",
        "fly scale count web=4 worker=2  # by process group",
        "fly scale count 3 --with-new-volumes --from-snapshot last  # new volumes with the newest snapshot's data",
    ),
    flags=FLAGS,
    count=at_least(1),
)
