"""Which app and which volume a verb is about, when perhaps only one of them was named (facts: cli-volumes 4, 9)."""

from __future__ import annotations

import re

from caddis.cli.call import Call
from caddis.client.volumes import find_volume
from caddis.domain.errors import Invalid, NotFound

_LIKE_AN_ID = re.compile(r"[A-Za-z0-9_-]+\Z")


def choose_app(call: Call) -> str:
    """The app that was named, else that of the first volume; ids are checked before anything is asked or changed."""
    for volume in call.arguments:
        if not _LIKE_AN_ID.match(volume):
            raise NotFound(f"volume not found: {volume!r} is not a volume ID", hint="fly volumes list shows them.")
    app = call.find_app()
    if app:
        return app
    if not call.arguments:
        raise Invalid("volume ID or app required", hint="Name the volume, or the app with -a.")
    return str(call.send(find_volume(call.arguments[0]))["app_name"])
