"""Which image: --image, else [build] image, else built from a Dockerfile (facts: cli-deploy-launch 1.2)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.deploy.context import find_dockerfile, pack
from caddis.cli.deploy.options import read_pairs
from caddis.client.builds import build_image, fetch_image
from caddis.domain.errors import Invalid, Missing, NotFound
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


@dataclass(frozen=True, slots=True)
class Chosen:
    """What machines are told, and which image that means today."""

    reference: str
    digest: str


def choose_image(call: Call, app: str, config: FlyToml, folder: Path) -> str:
    """The reference of `find_image`."""
    return find_image(call, app, config, folder).reference


def find_image(call: Call, app: str, config: FlyToml, folder: Path) -> Chosen:
    """The image to deploy; builds it when none is named. It is where machines find it when this returns."""
    named = call.text("image") or (config.build.image if config.build else "")
    if named:
        image = absolute_image(named, folder)
        call.note("==> Building image", "green")
        call.say(f"Searching for image '{image}' remotely...")
    else:
        image = _build(call, app, config.build, folder)
    return Chosen(image, str(call.send(fetch_image(app, image)).get("digest") or ""))


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
    secrets = read_pairs(call.many("build-secret"), "--build-secret")
    context = pack(folder, dockerfile, ignorefile=folder / ignorefile if ignorefile else None, secrets=secrets)
    call.say(f"Uploading the build's context: {format_bytes(context.size)}")
    _warn_of_size(call, context.size)
    args = {**(build.args if build else {}), **read_pairs(call.many("build-arg"), "--build-arg")}
    query = [("dockerfile", context.dockerfile)]
    query += [("target", call.text("build-target") or (build.build_target if build else ""))]
    query += [("build_arg", f"{name}={value}") for name, value in args.items()]
    query += [("image_label", f"{name}={value}") for name, value in read_pairs(call.many("label"), "--label").items()]
    query += [("label", call.text("image-label")), ("no_cache", "true" if call.switch("no-cache") else "")]
    with context.archive as archive:
        image = build_image(
            call.client, app, query=tuple(one for one in query if one[1]), context=archive, on_line=call.say
        )
    call.note("--> Building image done", "green")
    call.say(f"image: {image}")
    return image


def _warn_of_size(call: Call, size: int) -> None:
    text = call.text("build-context-warn-size") or os.environ.get("FLY_BUILD_CONTEXT_WARN_SIZE", "")
    if not text or text == "0":
        return
    match = re.fullmatch(r"(?i)(\d+)\s*([kmg]?)i?b?", text.strip())
    if match is None:
        raise Invalid(f"--build-context-warn-size {text!r} is not a size: write it like 200MB, or 0")
    most = int(match.group(1)) << {"": 0, "k": 10, "m": 20, "g": 30}[match.group(2).lower()]
    if size > most:
        call.note(
            f"WARNING: the build's context is larger than {text}: name what is not needed in .dockerignore", "yellow"
        )
