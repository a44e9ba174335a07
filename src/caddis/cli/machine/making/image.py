"""The image of a new machine: a reference, or a path whose Dockerfile is built (facts: cli-deploy-launch 5.1)."""

from __future__ import annotations

from pathlib import Path

from caddis.cli.call import Call
from caddis.cli.deploy.image import choose_image
from caddis.domain.errors import NotFound


def image_for(call: Call, app: str, image_or_path: str) -> str:
    """Where machines find it; built, or fetched, before anything else is changed."""
    from caddis.wire.fly_toml.config import Build, FlyToml

    if not image_or_path.startswith((".", "/")):
        return choose_image(call, app, FlyToml(app=app, build=Build(image=image_or_path)), Path.cwd())
    folder = Path(image_or_path)
    if not folder.is_dir():
        raise NotFound(f"there is no folder {image_or_path} to build an image from")
    return choose_image(call, app, FlyToml(app=app), folder.resolve())
