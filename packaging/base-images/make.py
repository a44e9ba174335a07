"""Base images from Debian's packages, for Dockerfiles on a computer without an image registry.

    make.py python                            make it, or find it in .cache, and print where it is
    make.py python --data /var/lib/caddis     and make it known to that installation's builds

A Dockerfile then says `FROM registry.caddis.internal/base/python:12`. Each image is kept in .cache/base-images under a
hash of its recipe, so that a second run takes no time; `--again` makes it anew, with the packages of today.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from caddis.domain.errors import Problem
from caddis.images.manifest import architecture
from caddis.images.store import ImageStore
from caddis.kernel import mmdebstrap
from caddis.kernel.command import Failed, command, run
from caddis.kernel.skopeo import network_settings

SUITE = "bookworm"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "base-images"
EPOCH = "1767225600"  # every file made by the bootstrap itself bears this time: same packages, same image
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIDY = (
    'rm -rf "$1"/var/cache/debconf/*-old "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/* "$1"/var/log/*'
    ' "$1"/etc/resolv.conf "$1"/etc/hostname'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What goes into a base image; `left_out` are paths that are never unpacked."""

    tag: str
    packages: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    cmd: tuple[str, ...] = ("/bin/bash",)


RECIPES = {
    "debian": Recipe(tag="debian:12", packages=("ca-certificates",)),
    "python": Recipe(
        tag="python:12",
        packages=("python3",),
        env={"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        cmd=("python3",),
    ),
    "postgres": Recipe(
        tag="postgres:15",
        packages=("postgresql-15",),
        # PostgreSQL compiles queries with LLVM only where llvmjit is found: 140 MB that a small database never uses.
        left_out=(
            "/usr/lib/*/libLLVM*",
            "/usr/lib/*/libz3*",
            "/usr/lib/llvm-*",
            "/usr/lib/postgresql/15/lib/bitcode/*",
            "/usr/lib/postgresql/15/lib/llvmjit*",
        ),
        # The package makes a cluster of its own and a certificate; neither belongs into an image.
        hooks=(
            'rm -rf "$1"/var/lib/postgresql/15 "$1"/etc/postgresql/15'
            ' "$1"/etc/ssl/private/ssl-cert-snakeoil.key "$1"/etc/ssl/certs/ssl-cert-snakeoil.pem',
        ),
        env={"PATH": "/usr/lib/postgresql/15/bin:" + PATH},
    ),
}


def main(arguments: Sequence[str]) -> int:
    """Make what was asked for; 0, or 1 with one sentence on stderr."""
    parser = argparse.ArgumentParser(description="Make base images from Debian's packages.")
    parser.add_argument("names", nargs="+", choices=sorted(RECIPES), metavar="NAME", help=", ".join(sorted(RECIPES)))
    parser.add_argument("--data", type=Path, help="make them known to this installation (its data folder)")
    parser.add_argument("--again", action="store_true", help="make them anew, with the packages of today")
    chosen = parser.parse_args(arguments)
    try:
        for name in chosen.names:
            reference = make(RECIPES[name], again=chosen.again)
            if chosen.data is not None:
                reference = ImageStore(chosen.data / "images", agent="base-images").import_base(
                    RECIPES[name].tag, reference
                )
            print(f"{name}\t{reference}", flush=True)
    except Problem as problem:
        print(f"Error: {problem.message}", file=sys.stderr)
        if isinstance(problem, Failed):
            print(problem.stderr[-2000:], file=sys.stderr)
        return 1
    return 0


def make(recipe: Recipe, *, again: bool = False, cache: Path = CACHE) -> str:
    """The reference of the image's archive, which is made unless it is there."""
    sources = find_sources(Path("/etc/apt"))
    name = recipe.tag.replace(":", "-")
    archive = cache / f"{name}-{hash_recipe(recipe, sources)}.tar"
    if archive.exists() and not again:
        return f"docker-archive:{archive}"
    cache.mkdir(parents=True, exist_ok=True)
    print(f"Making base image {recipe.tag} from Debian packages (once; about 25 s) …", file=sys.stderr, flush=True)
    begun = time.monotonic()
    own = f"{name}.{os.getpid()}"
    layer, listed, fresh = cache / f"{own}.layer", cache / f"{own}.sources", cache / f"{own}.new"
    try:
        listed.write_text(sources)
        wanted = mmdebstrap.bootstrap(
            str(layer),
            suite=SUITE,
            packages=recipe.packages,
            left_out=recipe.left_out,
            hooks=(*recipe.hooks, TIDY),
            sources=(str(listed),) if sources else (),
        )
        run(replace(wanted, env={"SOURCE_DATE_EPOCH": EPOCH, **_proxies()}))
        write_archive(fresh, layer, recipe)
        os.replace(fresh, archive)
    finally:
        for path in (layer, listed, fresh):
            path.unlink(missing_ok=True)
    size = archive.stat().st_size >> 20
    print(f"Made {recipe.tag}: {size} MB in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return f"docker-archive:{archive}"


def hash_recipe(recipe: Recipe, sources: str) -> str:
    """Twelve hex digits that change with anything that shapes the image."""
    command_text = str(mmdebstrap.bootstrap("", suite=SUITE, packages=()))
    shape = [asdict(recipe), sources, architecture(), command_text, TIDY, EPOCH]
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:12]


def find_sources(apt: Path) -> str:
    """What this computer's apt says about Debian itself in this suite, and nothing about anybody else's packages.

    Empty when it says nothing (another release, another distribution): then mmdebstrap asks deb.debian.org.
    """
    debian_line = re.compile(rf"deb\s+(\[[^\]]*\]\s+)?\S+\s+{SUITE}(-updates|-security)?\s+(\S+\s+)*main\b")
    one_line, stanzas = [], []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        text = path.read_text() if path.is_file() else ""
        if path.suffix == ".list":
            one_line += [line for line in text.splitlines() if debian_line.match(line)]
        elif path.suffix == ".sources":
            stanzas += [stanza.strip() for stanza in re.split(r"\n\s*\n", text) if _is_debians(stanza)]
    # The two forms cannot stand in one file; the newer one wins where both are used.
    return "\n\n".join(stanzas) + "\n" if stanzas else "".join(line + "\n" for line in one_line)


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
        "config": {"Env": [f"{name}={value}" for name, value in env.items()], "Cmd": list(recipe.cmd)},
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


def _is_debians(stanza: str) -> bool:
    fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, flags=re.MULTILINE))
    suites = {suite.removesuffix("-updates").removesuffix("-security") for suite in fields.get("Suites", "").split()}
    is_on = fields.get("Enabled", "yes").lower() != "no"
    return is_on and "deb" in fields.get("Types", "").split() and SUITE in suites and "main" in stanza.split()


def _proxies() -> dict[str, str]:
    """apt's own proxy, as the environment spells it: a setting handed to mmdebstrap would stay in the image."""
    said = run(command("apt-config", "shell", "proxy", "Acquire::http::Proxy")).text
    found = re.match(r"proxy='(.*)'", said)
    return {**network_settings(os.environ), **({"http_proxy": found.group(1)} if found and found.group(1) else {})}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
