"""`fly machine clone [id]` (facts: cli-deploy-launch 5.3)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, REGION, VM, many, switch, text
from caddis.cli.verb import at_most, verb


def run(call: Call) -> None:
    """Another machine like that one, with a volume of its own."""
    from caddis.cli.machine.making.cloning import clone

    clone(call)


COMMAND = verb(
    run,
    usage="clone [machine id]",
    long="Make another machine like one that is there. A machine with a volume gets a new one of the same name and"
    " size: empty, or with a snapshot's data, or one that you name.",
    examples=(
        "fly machine clone 0123456789abcd --region ord",
        "fly machine clone 0123456789abcd --from-snapshot last  # with the data of the newest snapshot",
        "fly machine clone 0123456789abcd --attach-volume vol_0123456789abcdef",
        "fly machine clone 0123456789abcd --standby-for source",
    ),
    flags=(
        *APP_FLAGS,
        REGION,
        text("name", help="The new machine's name"),
        text("from-snapshot", help='Fill the new volume from this snapshot; "last" is the newest of the source\'s'),
        text("attach-volume", help="An existing volume instead of a new one: <volume id>[:/path/inside]"),
        text("override-cmd", help="Another CMD for the clone"),
        switch("clear-cmd", help="The image's own CMD for the clone"),
        switch("clear-auto-destroy", help="The clone does not destroy itself when its program ends"),
        many("standby-for", help='IDs of the machines that it stands by for; "source" is the cloned one', commas=True),
        switch("volume-requires-unique-zone", help="The new volume in a zone without one of its name", default=True),
        switch("detach", help="Do not wait until it runs"),
        *VM,
    ),
    count=at_most(1),
)
