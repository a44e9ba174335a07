"""Which image: --image, else [build] image, else built from a Dockerfile (facts: cli-deploy-launch 1.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.deploy.context import find_dockerfile, pack
from caddis.cli.deploy.options import read_pairs
from caddis.client.builds import build_image, fetch_image
from caddis.domain.errors import Missing, NotFound
from caddis.domain.image import check_reference
from caddis.domain.sizes import format_bytes

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import Build, FlyToml

_FILES = ("docker-archive:", "oci-archive:", "oci:")


def absolute_image(image: str, folder: Path) -> str:
    """The reference, checked; a relative path of an archive becomes absolute, because the server has another folder."""
    for transport in _FILES:
        if image.startswith(transport):
            path, colon, tag = image.removeprefix(transport).partition(":")
            found = (folder / path).resolve()
            if not found.exists():
                raise NotFound(f"image {image!r}: there is no {found}")
            image = f"{transport}{found}{colon}{tag}"
    return check_reference(image)


def choose_image(call: Call, app: str, config: FlyToml, folder: Path) -> str:
    """The reference to deploy; builds it when none is named."""
    named = call.text("image") or (config.build.image if config.build else "")
    if named:
        image = absolute_image(named, folder)
        call.note("==> Building image", "green")
        call.say(f"Searching for image '{image}' remotely...")
        call.send(fetch_image(app, image))  # a machine that is replaced is gone before the new one asks for its image
        return image
    return _build(call, app, config.build, folder)


def find_build(call: Call, build: Build | None, folder: Path) -> Path | None:
    """The Dockerfile: --dockerfile, else [build] dockerfile, else the one in the folder."""
    named = call.text("dockerfile") or (build.dockerfile if build else "")
    if not named:
        return find_dockerfile(folder)
    if "://" in named:
        raise Missing("a Dockerfile from a URL is not there yet: download it, and name the file")
    if not (folder / named).is_file():
        raise NotFound(f"dockerfile '{folder / named}' not found")
    return folder / named


def _build(call: Call, app: str, build: Build | None, folder: Path) -> str:
    if build is not None and (build.builder or build.buildpacks or build.builtin):
        raise Missing("buildpacks and builtin builders are not there yet", hint="Write a Dockerfile.")
    dockerfile = find_build(call, build, folder)
    if dockerfile is None:
        raise NotFound(
            f"there is nothing to deploy: {folder} has no Dockerfile, and no image is named",
            hint="Write a Dockerfile, name an image with --image, or set image in the [build] section of fly.toml.",
        )
    call.note("==> Building image", "green")
    ignorefile = call.text("ignorefile") or (build.ignorefile if build else "")
    context = pack(folder, dockerfile, ignorefile=folder / ignorefile if ignorefile else None)
    call.say(f"Uploading the build's context: {format_bytes(context.size)}")
    args = {**(build.args if build else {}), **read_pairs(call.many("build-arg"), "--build-arg")}
    query = [("dockerfile", context.dockerfile)]
    query += [("target", call.text("build-target") or (build.build_target if build else ""))]
    query += [("build_arg", f"{name}={value}") for name, value in args.items()]
    query += [("label", call.text("image-label")), ("no_cache", "true" if call.switch("no-cache") else "")]
    with context.archive as archive:
        image = build_image(
            call.client, app, query=tuple(one for one in query if one[1]), context=archive, on_line=call.say
        )
    call.note("--> Building image done", "green")
    call.say(f"image: {image}")
    return image
