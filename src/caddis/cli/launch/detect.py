"""Where the app comes from: an image, a named Dockerfile, an old fly.toml's [build], or what the folder holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.deploy.image import absolute_image, find_build
from caddis.cli.launch.scanners import dockerfile
from caddis.cli.launch.scanners.source import Source

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

SCANNERS: tuple[Callable[[Path], Source | None], ...] = (dockerfile.scan,)  # asked in this order; the first wins


def find_source(call: Call, folder: Path, old: FlyToml | None) -> Source | None:
    """What was found, and say so; None for a blank app."""
    image = call.text("image") or (old.build.image if old is not None and old.build is not None else "")
    if image:
        call.say(f"Using image {image}")
        return Source(family="Image", image=absolute_image(image, folder))
    named = find_build(call, old.build if old is not None else None, folder) if _names_one(call, old) else None
    if named is not None:
        call.say(f"Using dockerfile {named}")
        return dockerfile.read_dockerfile(named)
    call.say("Scanning source code")
    for scan in SCANNERS:
        source = scan(folder)
        if source is not None:
            call.say(f"Detected a {source.family} app")
            return source
    call.note(
        "Could not find a Dockerfile, nor detect a runtime or framework from source code. Continuing with a blank app.",
        "green",
    )
    return None


def _names_one(call: Call, old: FlyToml | None) -> bool:
    return bool(call.text("dockerfile") or (old is not None and old.build is not None and old.build.dockerfile))
