"""What the installation offers, and to whom (facts: machines-api 7 and 8)."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.catalog import hosts
from caddis.control.placement import default_region
from caddis.control.platform import choose_placements
from caddis.domain.placement import check_region
from caddis.wire.host import platform_status_to_wire
from caddis.wire.placement import placement_request_from_wire, placements_to_wire
from caddis.wire.region import regions_to_wire


async def list_regions(call: Call) -> Response:
    """Those in which there are hosts."""
    found = await call.control.list_hosts()
    nearest = default_region(found) if found else ""
    return reply(regions_to_wire((host.region for host in found), nearest=nearest))


async def choose_regions(call: Call) -> Response:
    """Where machines and volumes of that size would go."""
    request = placement_request_from_wire(await call.document())
    found = await call.control.list_hosts()
    for region in request.regions:
        check_region(region, found)
    now = call.control.now()
    reachable = [host for host in found if host.is_reachable(now)]
    return reply(placements_to_wire(choose_placements(request, reachable)))


async def get_status(call: Call) -> Response:
    """Every host, and whether it has reported lately."""
    now = call.control.now()
    found = sorted(await call.control.read(hosts.list_hosts), key=lambda host: host.id)
    return reply(platform_status_to_wire(found, now))


async def get_health(call: Call) -> Response:
    """Whether the catalog answers. Open to everybody, so it tells nothing else."""
    await call.control.read(hosts.list_hosts)
    return reply({"status": "ok"})


async def get_current_token(call: Call) -> Response:
    """Who the token speaks for."""
    caller = call.caller
    token = {
        "token_id": str(caller.token_id),
        "org_slug": caller.organization.slug,
        "organization": caller.organization.slug,
        "apps": [caller.app] if caller.app is not None else [],
        "user": caller.name,
        "read_only": caller.read_only,
        "source_machine_id": "",
        "restricted_to_machine": "",
    }
    return reply({"tokens": [token]})
