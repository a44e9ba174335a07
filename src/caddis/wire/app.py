"""Apps and organizations as Fly spells them (facts: machines-api 3, flyctl-calls 1.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from caddis.domain.app import App, Organization
from caddis.domain.errors import Invalid
from caddis.domain.ids import check_app_name
from caddis.wire.reading import Reader, naming
from caddis.wire.time import time_to_wire


def app_to_wire(app: App, *, machine_count: int = 0, volume_count: int = 0) -> dict[str, Any]:
    """The app object; also the answer to a create, which clients read `name` and `organization.slug` from."""
    return {
        "id": f"app_{app.id}",
        "internal_numeric_id": app.id,
        "name": app.name,
        "status": str(app.status),
        "organization": {
            "name": app.organization.name,
            "slug": app.organization.slug,
            "internal_numeric_id": app.organization.id,
        },
        "network": app.network,
        "network_cidr": "",
        "machine_count": machine_count,
        "volume_count": volume_count,
        "cname_target": "",
        "app_role": "",
        "created_at": time_to_wire(app.created_at),
    }


def apps_to_wire(apps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A list of app objects."""
    listed = [dict(app) for app in apps]
    return {"apps": listed, "total_apps": len(listed)}


def organization_to_wire(organization: Organization, *, personal: bool = True) -> dict[str, Any]:
    """The organization object of `/api/v1/organizations/{slug}`; `billable` keeps flyctl's redundancy on."""
    told = {
        "id": str(organization.id),
        "internal_numeric_id": organization.id,
        "slug": organization.slug,
        "raw_slug": organization.slug,
        "name": organization.name,
        "paid_plan": True,
        "personal": personal,
        "billing_status": "CURRENT",
        "provisions_beta_extensions": False,
        "billable": True,
        "remote_builder_image": "",
    }
    return {"organization": told}


def organizations_to_wire(organizations: Iterable[Organization]) -> dict[str, Any]:
    """The list of `/api/v1/organizations`."""
    return {"organizations": [organization_to_wire(one)["organization"] for one in organizations]}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRequest:
    """A create; "" where the client leaves the choice to us."""

    name: str
    org_slug: str = ""
    network: str = ""


def app_request_from_wire(document: object) -> AppRequest:
    """A create body; the name is called `name` by clients and `app_name` by the documentation."""
    reader = Reader(document)
    name = reader.text("name") or reader.text("app_name")
    if not name:
        raise Invalid("name is missing: give the app a name", hint="fly apps create my-app", field="name")
    return AppRequest(
        name=naming("name", check_app_name, name), org_slug=reader.name("org_slug"), network=reader.name("network")
    )
