"""Objects as flyctl reads them from GraphQL (facts: flyctl-calls 1.5 and 1.6).

Numbers and texts are not interchangeable there: an app's `internalNumericId` is a number, an organization's is text.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from caddis.domain.app import App, AppStatus, Organization
from caddis.domain.errors import Invalid, NotFound, Problem
from caddis.domain.release import Release
from caddis.wire.region import describe_region
from caddis.wire.time import time_to_wire
from caddis.wire.token import TokenRequest, Told, token_request_from_wire

PLATFORM = "machines"  # as opposed to Fly's older ones


def organization_to_graphql(organization: Organization) -> dict[str, Any]:
    """`billable` keeps flyctl's redundancy on; only an organization of type PERSONAL is chosen without asking."""
    return {
        "id": str(organization.id),
        "internalNumericId": str(organization.id),
        "slug": organization.slug,
        "rawSlug": organization.slug,
        "name": organization.name,
        "type": "PERSONAL" if organization.slug == "personal" else "SHARED",
        "paidPlan": True,
        "billable": True,
        "billingStatus": "CURRENT",
        "viewerRole": "admin",
        "provisionsBetaExtensions": False,
        "remoteBuilderImage": "",
        "addOns": nodes([]),
    }


def app_to_graphql(app: App) -> dict[str, Any]:
    """Without what takes a look elsewhere: releases, machines, images. An app has no public name or address here."""
    return {
        "id": app.name,  # clients hand it back where an app is named
        "internalNumericId": app.id,
        "name": app.name,
        "deployed": app.status in (AppStatus.DEPLOYED, AppStatus.SUSPENDED),
        "status": str(app.status),
        "network": app.network,
        "platformVersion": PLATFORM,
        "organization": organization_to_graphql(app.organization),
        "services": [],
        "ipAddresses": nodes([]),
        "egressIpAddresses": nodes([]),
        "hostIssues": nodes([]),
    }


def release_to_graphql(release: Release) -> dict[str, Any]:
    """A release; `configDefinition` is the definition that was posted, unchanged."""
    return {
        "id": release.id,
        "evaluationId": "",
        "version": release.version,
        "description": release.description or "Release",
        "reason": "",
        "status": release.status,
        "inProgress": release.status in ("pending", "running"),
        "stable": release.status == "complete",
        "imageRef": release.image,
        "configDefinition": dict(release.definition),
        "user": user_to_graphql(release.user),
        "createdAt": time_to_wire(release.created_at),
    }


def user_to_graphql(name: str) -> dict[str, Any]:
    """Whoever holds a token, by the token's name: there are no accounts here."""
    return {"id": name, "email": name, "name": name, "enablePaidHobby": False}


def machine_to_graphql(machine: Mapping[str, Any], *, app: App, host: str) -> dict[str, Any]:
    """From the machine object of the Machines API."""
    address = str(machine.get("private_ip") or "")
    return {
        "id": machine["id"],
        "name": machine.get("name") or "",
        "state": machine["state"],
        "region": machine["region"],
        "instanceId": machine.get("instance_id") or "",
        "config": machine.get("config"),
        "createdAt": machine.get("created_at"),
        "app": app_to_graphql(app),
        "ips": nodes([_machine_address(address)] if address else []),
        "host": {"id": host},
    }


def _machine_address(address: str) -> dict[str, Any]:
    parsed = ipaddress.ip_address(address)
    return {"family": f"v{parsed.version}", "kind": "privatenet", "ip": address, "maskSize": parsed.max_prefixlen}


def volume_to_graphql(volume: Mapping[str, Any], *, app: App) -> dict[str, Any]:
    """From the volume object of the Machines API."""
    return {
        "id": volume["id"],
        "name": volume["name"],
        "region": volume["region"],
        "sizeGb": volume["size_gb"],
        "state": volume["state"],
        "app": app_to_graphql(app),
    }


def token_to_graphql(token: Told) -> dict[str, Any]:
    """What may be told of a token."""
    ends = time_to_wire(token.expires_at) if token.expires_at else None
    return {"id": str(token.id), "name": token.name, "expiresAt": ends, "user": user_to_graphql(token.created_by)}


def made_token_to_graphql(made: Mapping[str, Any]) -> dict[str, Any]:
    """A new token; flyctl prints the header's form, and takes either back."""
    return {**made, "tokenHeader": f"Bearer {made['token']}"}


def token_request_from_graphql(given: Mapping[str, Any], organization: Organization) -> TokenRequest:
    """A create in flyctl's profiles; Invalid for one that has no counterpart here."""
    profile, parameters = given["profile"], given.get("profileParams") or {}
    kinds = {"deploy": "deploy", "deploy_organization": "org"}
    if profile not in kinds or not isinstance(parameters, Mapping):
        raise Invalid(f"profile {profile!r} is neither of {', '.join(kinds)}", field="profile")
    told = {"kind": kinds[profile], "name": given["name"], "expiry": given.get("expiry") or ""}
    told |= {"app": parameters.get("app_id")} if profile == "deploy" else {"organization": organization.slug}
    return token_request_from_wire(told)


def region_to_graphql(code: str) -> dict[str, Any]:
    """A region in which there are hosts."""
    region = describe_region(code)
    return {
        "code": region.code,
        "name": region.name,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "gatewayAvailable": False,  # there is no WireGuard to reach it by
        "requiresPaidPlan": False,
        "deprecated": False,
    }


def image_to_graphql(ref: str, digest: str) -> dict[str, Any]:
    """An image that is there. Its size is that of layers already unpacked, which nobody downloads any more: none."""
    return {
        "id": digest or ref,
        "digest": digest,
        "ref": ref,
        "compressedSize": 0,
        "compressedSizeFull": "0",
        "manifest": None,
    }


def nodes(listed: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A connection, all of it at once."""
    return {"nodes": [dict(one) for one in listed]}


def error_to_graphql(problem: Problem) -> dict[str, Any]:
    """An entry of `errors`: its message is what flyctl shows, the code is what scripts look at."""
    code = "NOT_FOUND" if isinstance(problem, NotFound) else type(problem).__name__.upper()
    extensions = {"code": code} | ({"hint": problem.hint} if problem.hint else {})
    return {"message": problem.message, "extensions": extensions}
