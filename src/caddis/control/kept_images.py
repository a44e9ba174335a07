"""Telling the hosts which images an app can be rolled back to, so that they do not forget them."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.catalog import releases
from caddis.control.core import Control
from caddis.control.orders import Order
from caddis.domain.app import App
from caddis.domain.errors import Problem
from caddis.telemetry.log import note
from caddis.wire.body import document_to_body

KEPT_RELEASES = 5  # the newest that completed


async def keep_images(control: Control, app: App) -> None:
    """Those of the app's last complete releases."""
    wanted = await control.read(releases.list_images_to_keep, app.id, most=KEPT_RELEASES)
    await _tell(control, app.name, [{"reference": reference, "digest": digest} for reference, digest in wanted])


async def let_images_go(control: Control, app: str) -> None:
    """The app is gone."""
    await _tell(control, app, [])


async def _tell(control: Control, app: str, images: Sequence[dict[str, str]]) -> None:
    """Every host; one that does not answer is told with the next release, and until then only keeps what it kept."""
    body = document_to_body({"images": list(images)})
    for host in await control.list_hosts():
        try:
            answer = await control.doors.send(host, Order(method="PUT", path="/images/kept", app=app, body=body))
            if answer.problem is not None:
                raise answer.problem
        except Problem as problem:
            note("images to keep were not told", host=host.id, app=app, why=problem.message)
