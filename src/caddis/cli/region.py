"""Which region: from the flag or FLY_REGION, else asked (facts: cli-volumes 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.client.platform import list_regions
from caddis.domain.errors import Invalid


def choose_region(call: Call) -> str:
    """A code of this installation; Invalid when it has no such region, or when nobody can be asked."""
    wanted = call.text("region")
    if not wanted and not call.interactive:
        raise Invalid("region code must be specified when not running interactively", hint="Add --region CODE.")
    answer = call.send(list_regions())
    if wanted:
        return check_region(wanted, answer)
    from caddis.cli.prompts import select

    regions = sorted(answer["regions"], key=lambda region: str(region["name"]))
    names = [f"{region['name']} ({region['code']})" for region in regions]
    nearest = next((at for at, region in enumerate(regions) if region["code"] == answer.get("nearest")), 0)
    return str(regions[select("Select region:", names, default=nearest)]["code"])


def check_region(wanted: str, answer: Mapping[str, Any]) -> str:
    """The code itself; Invalid unless the installation has hosts there."""
    codes = [str(region["code"]) for region in answer["regions"]]
    if wanted not in codes:
        raise Invalid(
            f"region {wanted} not found", hint=f"This installation has hosts in: {', '.join(sorted(codes)) or 'none'}."
        )
    return wanted
