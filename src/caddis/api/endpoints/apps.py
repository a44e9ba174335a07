"""Apps (facts: machines-api 3)."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.catalog import apps
from caddis.catalog.apps import CountedApp
from caddis.control.apps import Turned, destroy_app, resume_app, suspend_app
from caddis.domain.errors import Invalid, Missing
from caddis.wire.app import app_request_from_wire, app_to_wire, apps_to_wire

_BUILDER = "remote-docker-builder"


def _told(counted: CountedApp) -> dict[str, object]:
    return app_to_wire(counted.app, machine_count=counted.machines, volume_count=counted.volumes)


async def list_apps(call: Call) -> Response:
    """Those of an organization, or the one app that the token is for."""
    if call.caller.app is not None:
        only = await call.control.read(apps.count_things, await call.app(call.caller.app))
        return reply(apps_to_wire([_told(only)]))
    slug = call.option("org_slug")
    organization = await call.organization(slug) if slug else call.caller.organization
    if call.option("app_role"):  # no app of ours has a role: flyctl looks for Fly's own builders here
        return reply(apps_to_wire([]))
    counted = await call.control.read(apps.list_counted_apps, organization.id)
    return reply(apps_to_wire([_told(one) for one in counted]))


async def create_app(call: Call) -> Response:
    """A new name."""
    document = await call.document()
    request = app_request_from_wire(document)
    if document.get("app_role_id") == _BUILDER:
        raise Invalid("there are no remote builder apps here: images are built by the hosts", field="app_role_id")
    organization = await call.organization(request.org_slug) if request.org_slug else call.caller.organization
    network = request.network or "default"
    app = await call.control.write(apps.create_app, request.name, organization, network=network, now=call.control.now())
    return reply(app_to_wire(app), 201)


async def get_app(call: Call) -> Response:
    """One app."""
    return reply(_told(await call.control.read(apps.count_things, await call.app())))


async def delete_app(call: Call) -> Response:
    """With all that it has."""
    await destroy_app(call.control, await call.app(), user=call.caller.name)
    return reply({"ok": True}, 202)


async def suspend(call: Call) -> Response:
    """Stop its machines until it is resumed; nothing is deployed meanwhile."""
    return reply(_turned(await suspend_app(call.control, await call.app(), user=call.caller.name)))


async def resume(call: Call) -> Response:
    """Start the machines that ran when it was suspended."""
    return reply(_turned(await resume_app(call.control, await call.app(), user=call.caller.name)))


def _turned(turned: Turned) -> dict[str, object]:
    failed = [{"id": id, "error": problem.message} for id, problem in sorted(turned.failed.items())]
    return {"status": str(turned.status), "machines": list(turned.machines), "failed": failed}


async def list_addresses(call: Call) -> Response:
    """None: an app has no address of its own before there is an edge proxy. Machines have theirs (`private_ip`)."""
    await call.app()
    return reply({"ips": []})


async def assign_address(call: Call) -> Response:
    """Refused, until there is an edge proxy."""
    await call.app()
    raise Missing(
        "apps have no public addresses yet: the edge proxy comes with a later version",
        hint="reach a machine by its own address: fly machine status MACHINE_ID",
    )
