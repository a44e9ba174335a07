"""`fly platform regions`: where this installation has hosts (facts: cli-deploy-launch 9)."""

from __future__ import annotations

import sys

from caddis.cli.call import Call
from caddis.cli.flags import JSON
from caddis.cli.tables import as_json, table
from caddis.cli.terminal import paint
from caddis.cli.verb import at_most, verb
from caddis.client.platform import list_regions


def run(call: Call) -> None:
    """Grouped by part of the world."""
    regions = [one for one in call.send(list_regions())["regions"] if not one.get("deprecated")]
    if call.json:
        call.say(as_json(regions), end="")
        return
    rows: list[list[str]] = []
    titles: list[str] = []
    for part in sorted({str(one.get("geo_region") or "") for one in regions}):
        title = part.replace("_", " ").title() or "Elsewhere"
        titles.append(title)
        rows.append([title, ""])
        rows.extend([str(one["name"]), str(one["code"])] for one in regions if str(one.get("geo_region") or "") == part)
    shown = table(("Name", "Code"), rows)
    for title in titles:
        shown = shown.replace(f"\n {title}", f"\n {paint(title, 'underline', sys.stdout)}", 1)
    call.say(shown, end="")


COMMAND = verb(
    run,
    usage="regions",
    long="""List the regions of this installation: those in which it has hosts.

With one computer that is one region, the one that `caddis up --region` names.""",
    examples=("fly platform regions", "fly platform regions --json"),
    flags=(JSON,),
    count=at_most(0),
)
