"""From a Dockerfile and its context to an image of this computer's store."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from caddis.domain.errors import Invalid, NoCapacity, Problem
from caddis.domain.image import BUILD_SECRETS
from caddis.images import fetch
from caddis.images.bases import make_base
from caddis.images.context import extract_context
from caddis.images.dockerfile import list_bases, mark_arguments
from caddis.images.names import Name, Names, look_at_path
from caddis.images.place import Place, Work
from caddis.images.source import BASES, Kind, Source, our_name, parse_source
from caddis.images.unpack import unpack_base
from caddis.kernel import buildah, skopeo
from caddis.kernel.buildah import Build, Storage, in_own_mounts
from caddis.kernel.command import Command, Failed, command, run
from caddis.telemetry.seam import seam

_SECRET_NAME = re.compile(r"[\w.-]{1,128}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What may be said about a build besides its context."""

    dockerfile: str = "Dockerfile"
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False


def read_options(options: Mapping[str, object]) -> BuildOptions:
    """The options of a request; Invalid for a name or a type that we do not know."""
    expected = {"dockerfile": str, "target": str, "build_args": Mapping, "labels": Mapping, "no_cache": bool}
    given: dict[str, object] = {name: value for name, value in options.items() if value not in (None, "")}
    for name, value in given.items():
        if name not in expected or not isinstance(value, expected[name]):
            raise Invalid(f"build option {name} is unknown or of the wrong kind", field=name)
    return BuildOptions(**given)  # type: ignore[arg-type]  # each was just checked


def build(
    place: Place,
    names: Names,
    context_tar: Path,
    *,
    tag: str,
    options: BuildOptions,
    on_line: Callable[[str], None],
) -> str:
    """Carry out a Dockerfile and keep the result under `tag`; its digest.

    One build at a time on a computer: two would fight for the same two cores and the same cache. Invalid, with the
    most telling line, when the build fails.
    """
    tag = our_name(tag)
    with place.working() as work:
        context = work.folder / "context"
        context.mkdir()
        extract_context(context_tar, context)
        secrets = take_secrets(context, work.folder)
        dockerfile = _find_dockerfile(context, options.dockerfile)
        with place.one_at_a_time("build") as lock:
            storage = open_storage(place, fresh=options.no_cache)
            bases = []
            for base in list_bases(dockerfile.read_text(errors="replace"), options.build_args):
                on_line(f"Looking at base image {base}")
                if base.startswith(BASES):
                    make_base(place, names, our_name(base), anew=options.no_cache, on_line=on_line)
                bases.append(_bring_base(place, names, storage, base))
            if options.build_args:
                dockerfile = _mark_arguments(work, dockerfile, options.build_args)
            wanted = _describe(context, dockerfile, tag, options=options, secrets=secrets)
            building = buildah.build(storage, wanted, scratch=str(work.folder), pass_fds=(work.lock, lock))
            _carry_out(building, on_line=on_line, hidden=str(context))
            seam("images.build:built")
            _take_over(place, work, storage, tag)
        digest = fetch.adopt(place, work, reference=tag)
        names.put(Name(tag, digest))
        seam("images.build:recorded")
    unpack_base(place, digest, [base for base in bases if base])
    return digest


def _describe(context: Path, dockerfile: Path, tag: str, *, options: BuildOptions, secrets: Mapping[str, str]) -> Build:
    return Build(
        context=str(context),
        dockerfile=str(dockerfile),
        tag=tag,
        target=options.target,
        build_args=options.build_args,
        labels=options.labels,
        use_cache=not options.no_cache,
        secrets=secrets,
    )


def take_secrets(context: Path, folder: Path) -> dict[str, str]:
    """The build's secrets, out of its context and into files of a folder that goes with the build; paths by name.

    buildah reads them from there: in argv they would be seen by everybody, in the context they could be copied.
    """
    sent = context / BUILD_SECRETS
    if not sent.is_file() or sent.is_symlink():
        return {}
    values = json.loads(sent.read_bytes())
    sent.unlink()
    kept = folder / "secrets"
    kept.mkdir(mode=0o700)
    paths = {}
    for number, (name, value) in enumerate(values.items()):
        if not _SECRET_NAME.match(name):
            raise Invalid(f"build secret {name!r}: a name is letters, digits, dots, dashes and underscores")
        path = kept / str(number)
        path.write_text(value)
        paths[name] = str(path)
    return paths


def open_storage(place: Place, *, fresh: bool) -> Storage:
    """buildah's storage below our folder, without what a killed build left. The caller holds the build's lock.

    What buildah notes about mounts is only true until the next boot, hence a folder for it that bears the boot's id.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    root, runroot = place.build / "root", place.build / f"run-{boot}"
    if fresh and root.exists():
        place.discard(root)
    for old in place.build.glob("run-*"):
        if old != runroot:
            shutil.rmtree(old)
    root.mkdir(exist_ok=True)
    os.utime(root)
    storage = Storage(root=str(root), runroot=str(runroot), driver=_choose_driver(root))
    left = root / f"{storage.driver}-containers" / "containers.json"
    if left.exists() and left.read_bytes().strip() not in (b"", b"[]", b"null"):
        run(buildah.remove_containers(storage))
    return storage


def _take_over(place: Place, work: Work, storage: Storage, tag: str) -> None:
    """From buildah's storage into the working folder, as a layout whose blobs are the store's."""
    fetch.prepare_layout(place, work.folder)
    layout = f"oci:{work.folder}:{fetch.TAG}"
    run(in_own_mounts(skopeo.copy(storage.name(tag), layout, scratch=str(work.folder), pass_fds=(work.lock,))))


def _carry_out(building: Command, *, on_line: Callable[[str], None], hidden: str) -> None:
    try:
        run(building, on_line=on_line)
    except Failed as failed:
        raise _explain(failed, hidden=hidden) from failed


def _explain(failed: Failed, *, hidden: str) -> Problem:
    if failed.overdue:
        return Invalid(f"the build took longer than {failed.command.deadline / 60:g} minutes")
    reason = buildah.read_reason(failed.stderr).replace(hidden, "the context")
    if "no space left on device" in reason:
        return NoCapacity("no space left on this host to build the image")
    return Invalid(f"the build failed: {reason}", field="dockerfile")


def _bring_base(place: Place, names: Names, storage: Storage, base: str) -> str:
    """Put a base image of ours or of a registry into buildah's storage; its digest. "" for those it reads itself.

    A registry's base is fetched through the store like any other image: looked at again when the registry answers,
    taken from the store when not.
    """
    source = parse_source(base)
    if source.kind in (Kind.ARCHIVE, Kind.LAYOUT):
        look_at_path(source)
        return ""
    if source.digest:
        return ""  # buildah insists on the very bytes behind a digest, and asks the registry for them
    digest = fetch.resolve(place, names, source)
    if source.kind is Kind.DAEMON:
        return digest
    with place.working() as work:
        fetch.prepare_layout(place, work.folder, digest=digest)
        origin = f"oci:{work.folder}:{fetch.TAG}"
        _run_quietly(
            skopeo.copy(origin, storage.name(_full_name(source)), scratch=str(work.folder), pass_fds=(work.lock,))
        )
    return digest


def _full_name(source: Source) -> str:
    """As buildah looks a short name up: debian is docker.io/library/debian:latest."""
    name = source.reference
    head, slash, _ = name.partition("/")
    if not slash:
        name = "docker.io/library/" + name
    elif not ("." in head or ":" in head or head == "localhost"):
        name = "docker.io/" + name
    return name if ":" in name.rpartition("/")[2] else name + ":latest"


def _run_quietly(wanted: Command) -> None:
    try:
        run(in_own_mounts(wanted))
    except Failed as failed:
        raise Problem(f"a base image could not be handed to buildah: {failed.message}") from failed


def _find_dockerfile(context: Path, name: str) -> Path:
    path = Path(os.path.realpath(context / name))
    if not path.is_relative_to(os.path.realpath(context)):
        raise Invalid(f"Dockerfile {name!r} lies outside the build context", field="dockerfile")
    if not path.is_file():
        raise Invalid(
            f"there is no {name} in the build context", hint="fly deploy --dockerfile PATH", field="dockerfile"
        )
    return path


def _mark_arguments(work: Work, dockerfile: Path, build_args: Mapping[str, str]) -> Path:
    """A Dockerfile beside the context whose steps change with its arguments; and its own .dockerignore, if any."""
    written = work.folder / "Dockerfile"
    written.write_text(mark_arguments(dockerfile.read_text(errors="replace"), build_args))
    ignored = dockerfile.with_name(dockerfile.name + ".dockerignore")
    if ignored.is_file() and not ignored.is_symlink():
        shutil.copyfile(ignored, work.folder / "Dockerfile.dockerignore")
    return written


def _choose_driver(root: Path) -> str:
    # An overlay cannot have another overlay as its upper layer: that is how containers that run us look inside.
    kind = run(command("stat", "--file-system", "--format=%T", str(root))).text.strip()
    return "vfs" if kind in ("overlayfs", "tmpfs") else "overlay"
