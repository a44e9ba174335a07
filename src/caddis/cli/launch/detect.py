"""Where the app comes from: an image, a named Dockerfile, an old fly.toml's [build], or what the folder holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.deploy.image import absolute_image, find_build
from caddis.cli.launch.scanners import scan
from caddis.cli.launch.scanners.dockerfile import NAMES, read_dockerfile, with_its_own
from caddis.cli.launch.scanners.folder import Folder, open_folder
from caddis.cli.launch.scanners.source import Source
from caddis.domain.errors import Invalid

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import Build, FlyToml

_OVERWRITABLE = ("Django",)  # flyctl keeps every other family's own Dockerfile without a question


def find_source(call: Call, folder: Path, old: FlyToml | None) -> Source | None:
    """What was found, and say so; None for a blank app."""
    if call.text("image"):
        call.say(f"Using image {call.text('image')}")
        return Source(family="Image", image=absolute_image(call.text("image"), folder))
    if call.text("dockerfile"):
        return _named(call, None, folder)
    if old is not None and old.build is not None and (strategy := _strategy(old.build)):
        call.say(f"Using build strategy: {strategy}. Remove [build] from the file to have the source scanned")
        if old.build.image:
            return Source(family="Image", image=absolute_image(old.build.image, folder))
        return _named(call, old.build, folder) if old.build.dockerfile else Source(family="")
    call.say("Scanning source code")
    contents = open_folder(folder)
    source = scan(contents)
    if source is None:
        call.note(
            "Could not find a Dockerfile, nor detect a runtime or framework from source code."
            " Continuing with a blank app.",
            "green",
        )
        return None
    call.say(f"Detected {article(source.family)} {source.family} app")
    if contents.has(*NAMES):
        source = _beside_a_dockerfile(call, source, contents)
    for note in source.notes:
        call.note(note, "yellow")
    return source if source.buildable else None


def article(word: str) -> str:
    """ "a" or "an", as it is spoken."""
    return "an" if word[:1].lower() in "aeio" else "a"


def _named(call: Call, build: Build | None, folder: Path) -> Source:
    path = find_build(call, build, folder)
    assert path is not None  # one is named, and find_build refuses what is not there
    call.say(f"Using dockerfile {path}")
    try:
        text = path.read_text(errors="replace")
    except OSError as unreadable:
        raise Invalid(f"cannot read {path}: {unreadable.strerror}") from unreadable
    return read_dockerfile(text, path=path)


def _beside_a_dockerfile(call: Call, source: Source, contents: Folder) -> Source:
    """A Dockerfile that is there already is used, unless the person wants ours instead."""
    if source.family in _OVERWRITABLE and source.files and contents.has("Dockerfile") and not call.switch("now"):
        if call.switch("yes") or (call.interactive and call.confirm("Overwrite Dockerfile?")):
            return source
        call.say("Keeping the Dockerfile that is there")
    own = with_its_own(source, contents)
    return replace(own, secrets=source.secrets, release_command=source.release_command)


def _strategy(build: Build) -> str:
    if build.image:
        return f"the image {build.image}"
    if build.dockerfile:
        return f"the dockerfile {build.dockerfile}"
    if build.builder or build.buildpacks:
        return f"the builder {build.builder or ', '.join(build.buildpacks)}"
    return f"the builtin {build.builtin}" if build.builtin else ""
