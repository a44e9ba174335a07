"""Releases and builds, as flyctl asks for them (facts: flyctl-calls 1.7)."""

from __future__ import annotations

from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.catalog import releases
from caddis.control.kept_images import keep_images
from caddis.domain.errors import NotFound
from caddis.domain.ids import ulid
from caddis.wire.reading import Reader
from caddis.wire.release import (
    build_to_wire,
    release_created_to_wire,
    release_patch_from_wire,
    release_request_from_wire,
    release_to_wire,
    releases_to_wire,
)

_SOME, _MOST = 25, 1000


async def create_release(call: Call) -> Response:
    """The next one of its app; Conflict while that is suspended."""
    request = release_request_from_wire(await call.document())
    app = await call.app(request.app_name)
    now = call.control.now()
    new = releases.NewRelease(
        id=ulid(int(now.timestamp() * 1000), call.control.id_bytes()),
        image=request.image,
        definition=request.definition,
        strategy=request.strategy,
        user=call.caller.name,
        description=request.description,
        metadata=request.metadata,
    )
    release = await call.control.write(releases.create_release, app, new, now=now)
    return reply(release_created_to_wire(release), 201)


async def patch_release(call: Call) -> Response:
    """How it went on, and what is to be known of it later. Completing makes its app `deployed`, and keeps its image."""
    patch = release_patch_from_wire(await call.document())
    release = await call.control.read(releases.get_release, call.path("id"))
    app = await call.app(release.app)
    patched = await call.control.write(releases.patch_release, release.id, patch.status, notes=patch.metadata)
    if patched.status == releases.COMPLETE:
        await keep_images(call.control, app)
    return reply(release_to_wire(patched))


async def list_releases(call: Call) -> Response:
    """Newest first."""
    app = await call.app()
    found = await call.control.read(releases.list_releases, app.id, limit=call.count("limit", _SOME, most=_MOST))
    return reply(releases_to_wire(found))


async def get_current_release(call: Call) -> Response:
    """The newest that completed."""
    app = await call.app()
    release = await call.control.read(releases.find_current_release, app.id)
    if release is None:
        raise NotFound(f"app {app.name} has no release yet", hint=f"fly deploy -a {app.name}")
    return reply(release_to_wire(release))


async def start_build(call: Call) -> Response:
    """flyctl tells of builds that it does itself, and wants a number for each; we keep none of it."""
    name = Reader(await call.document()).name("app_name")
    if name:
        call.check_reaches(name)
    number = int.from_bytes(call.control.entropy(4), "big") >> 1  # it fits Go's and JavaScript's integers
    return reply(build_to_wire(number, status="started"))


async def finish_build(call: Call) -> Response:
    """The end of such a build."""
    reader = Reader(await call.document())
    return reply(
        build_to_wire(reader.find_whole("build_id", low=0, high=2**63) or 0, status=reader.text("status", "completed"))
    )
