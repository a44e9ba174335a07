"""Base images made here when a Dockerfile asks for one: from Debian's packages, with the host's own apt sources, its
proxy and the certificates that it trusts. No registry has a part in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from caddis.domain.errors import Invalid, NoCapacity, NotFound, Problem, Unreachable
from caddis.images import fetch
from caddis.images.apt import add_backports, find_sources, proxies
from caddis.images.manifest import architecture
from caddis.images.names import Name, Names
from caddis.images.place import Place
from caddis.images.recipes import PATH, RECIPES, SUITE, Recipe, find_recipe
from caddis.images.source import BASES, base_name, parse_source
from caddis.kernel import mmdebstrap
from caddis.kernel.command import Failed, run
from caddis.telemetry.seam import seam

EPOCH = "1767225600"  # every file made by the bootstrap itself bears this time: same packages, same image
FRESH_SECONDS = 86400.0  # a build that uses no cache makes a base image anew that is older
_TIDY = (
    'rm -rf "$1"/var/cache/debconf/*-old "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/* "$1"/var/log/*'
    ' "$1"/etc/resolv.conf "$1"/etc/hostname'
)
_UNREACHED = ("Err:", "Could not", "Failed to fetch", "Temporary failure", "cannot be fetched", "Unable to connect")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The host's part in a base image: where its apt finds Debian, and what it trusts besides the usual."""

    sources: str
    certificates: tuple[Path, ...]

    def hash(self, recipe: Recipe) -> str:
        """Changes with anything that shapes the image."""
        trusted = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.certificates]
        return recipe.hash(self.sources, architecture(), *trusted)


def look_around(root: Path = Path("/")) -> Surroundings:
    """As this computer is set up now."""
    certificates = sorted((root / "usr/local/share/ca-certificates").rglob("*.crt"))
    return Surroundings(find_sources(root / "etc/apt"), tuple(path for path in certificates if path.is_file()))


def make_base(
    place: Place,
    names: Names,
    reference: str,
    *,
    anew: bool,
    on_line: Tell,
    surroundings: Surroundings | None = None,
) -> None:
    """See to it that the store has this base image of ours, and make it if there is a recipe. The caller holds the
    build's lock: one at a time.

    What somebody imported under the name is left alone. What was made here is made again when its recipe or the host's
    part in it has changed, or, with `anew`, when it is older than a day; if that fails, the former one serves.
    """
    known = names.find(reference)
    if known is not None and not fetch.is_whole(place, known.digest):
        known = None
    recipe = find_recipe(reference.removeprefix(BASES))
    if recipe is None or (known is not None and not known.look.startswith("made ")):
        if known is None:
            raise NotFound(
                f"{reference} does not exist: nothing of that name was imported on this host, and there is no recipe",
                hint=f"These can be made here: {', '.join(tag for each in RECIPES.values() for tag in each.tags)}.",
            )
        return
    surroundings = surroundings or look_around()
    made = f"made {surroundings.hash(recipe)} "
    if known is not None and known.look.startswith(made) and not (anew and _age(known) > FRESH_SECONDS):
        return
    try:
        _make(place, names, recipe, surroundings, look=made, on_line=on_line)
    except Problem as problem:
        if known is None:
            raise
        on_line(f"{problem.message}; the one from before is used")


def _make(place: Place, names: Names, recipe: Recipe, surroundings: Surroundings, *, look: str, on_line: Tell) -> None:
    with place.working() as work:
        archive = work.folder / "base.tar"
        make_archive(recipe, archive, surroundings, on_line=on_line, pass_fds=(work.lock,))
        seam("images.bases:made")
        digest = fetch.fetch(place, parse_source(f"docker-archive:{archive}"))
    for tag in recipe.tags:
        known = names.find(base_name(tag))
        if known is None or known.look.startswith("made "):
            names.put(Name(base_name(tag), digest, f"{look}{time.time():.0f}"))
    seam("images.bases:recorded")


def make_archive(
    recipe: Recipe, target: Path, surroundings: Surroundings, *, on_line: Tell, pass_fds: tuple[int, ...] = ()
) -> None:
    """Write the image as a docker-archive to `target`, in a folder that is the caller's alone. Takes half a minute.

    Unreachable, NoCapacity or Problem when it cannot be made: the sentence has the reason.
    """
    on_line(f"Making base image {recipe.tag} from Debian's packages (once on this host; it takes half a minute)")
    begun = time.monotonic()
    sources = add_backports(surroundings.sources) if recipe.backports else surroundings.sources
    # apt knows the two forms by the ends of the files' names.
    form = "list" if sources.startswith("deb ") else "sources"
    layer, listed = target.with_name("layer.tar"), target.with_name(f"base.{form}")
    listed.write_text(sources)
    wanted = mmdebstrap.bootstrap(
        str(layer),
        suite=SUITE,
        packages=recipe.packages,
        left_out=recipe.left_out,
        hooks=(*_trust(surroundings.certificates), *recipe.hooks, _TIDY),
        sources=(str(listed),) if sources else (),
    )
    env = {"SOURCE_DATE_EPOCH": EPOCH, "TMPDIR": str(target.parent), **proxies()}
    try:
        run(replace(wanted, env=env, pass_fds=pass_fds), on_line=lambda line: _tell_progress(line, on_line))
        write_archive(target, layer, recipe)
    except Failed as failed:
        raise _explain(recipe, failed) from failed
    layer.unlink()
    on_line(f"Made base image {recipe.tag}: {target.stat().st_size >> 20} MB, {time.monotonic() - begun:.0f} s")


def write_archive(target: Path, layer: Path, recipe: Recipe) -> None:
    """A docker-archive with one layer, as skopeo and docker load read it."""
    with layer.open("rb") as file:
        layer_hash = hashlib.file_digest(file, "sha256").hexdigest()
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(EPOCH)))
    env = {"PATH": PATH, "LANG": "C.UTF-8", **recipe.env}
    document = {
        "architecture": architecture(),
        "os": "linux",
        "created": made,
        "config": {
            "Env": [f"{name}={value}" for name, value in env.items()],
            "Cmd": list(recipe.cmd),
            "User": recipe.user,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_hash}"]},
        "history": [{"created": made, "created_by": f"mmdebstrap {SUITE} {' '.join(recipe.packages)}".rstrip()}],
    }
    config = json.dumps(document).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [f"caddis-base/{recipe.tag}"], "Layers": [f"{layer_hash}.tar"]}]
    with tarfile.open(target, "w") as archive:
        archive.add(layer, f"{layer_hash}.tar")
        for name, content in ((config_name, config), ("manifest.json", json.dumps(manifest).encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _age(known: Name) -> float:
    return time.time() - float(known.look.rpartition(" ")[2])


def _trust(certificates: tuple[Path, ...]) -> tuple[str, ...]:
    """A company's own authorities, without which its proxy and its registries of packages are not believed."""
    if not certificates:
        return ()
    into = "/usr/local/share/ca-certificates"
    copies = [f'copy-in "{path}" {into}' for path in certificates]
    tool = "/usr/sbin/update-ca-certificates"
    return (
        f'mkdir -p "$1"{into}',
        *copies,
        f'if [ -x "$1"{tool} ]; then chroot "$1" {tool} >&2; fi',
    )


def _tell_progress(line: str, on_line: Tell) -> None:
    doing = mmdebstrap.read_progress(line)
    if doing:
        on_line(f"  {doing}")


def _explain(recipe: Recipe, failed: Failed) -> Problem:
    what = f"base image {recipe.tag} cannot be made"
    if failed.overdue:
        return Unreachable(f"{what}: it took longer than {failed.command.deadline / 60:g} minutes")
    if "No space left on device" in failed.stderr:
        return NoCapacity(f"{what}: no space left on this host")
    reason = mmdebstrap.read_reason(failed.stderr)
    hint = "It is made from Debian's packages: `apt-get update` on the host says whether they can be reached."
    if any(word in failed.stderr for word in _UNREACHED):
        return Unreachable(f"{what}: {reason}", hint=hint)
    return Invalid(f"{what}: {reason}", hint=hint)
