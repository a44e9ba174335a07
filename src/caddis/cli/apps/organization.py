"""Which organization: --org or FLY_ORG, else the only one, else asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.cli.call import Call
from caddis.client.apps import list_organizations
from caddis.domain.errors import Invalid, NotFound

Wire = Mapping[str, Any]


def choose_organization(call: Call) -> Wire:
    """The organization object; "personal" or the first when nobody can be asked."""
    organizations: list[Wire] = call.send(list_organizations())["organizations"]
    wanted = call.text("org")
    if wanted:
        for organization in organizations:
            if wanted in (organization["slug"], organization["name"], organization.get("raw_slug")):
                return organization
        raise NotFound(f"organization {wanted} not found", hint="fly orgs list shows those that you can use.")
    if not organizations:
        raise Invalid("this token reaches no organization")
    if len(organizations) > 1 and call.interactive and not call.switch("yes"):
        from caddis.cli.prompts import select

        names = [f"{organization['name']} ({organization['slug']})" for organization in organizations]
        return organizations[select("Select organization:", names)]
    personal = [organization for organization in organizations if organization["slug"] == "personal"]
    return (personal or organizations)[0]
