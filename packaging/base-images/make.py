"""Base images ahead of their first use: a build makes by itself what its Dockerfile asks for.

    make.py python                            make it, or find it in .cache, and print where it is
    make.py python --data /var/lib/caddis     and make it known to that installation's builds

For tests, for the demo, and for hosts that Debian's mirror cannot be reached from: the archive can be carried there.
Each image is kept in .cache/base-images under a hash of its recipe; `--again` makes it anew, of today's packages.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from caddis.domain.errors import Problem
from caddis.images.bases import look_around, make_archive
from caddis.images.recipes import RECIPES, Recipe
from caddis.images.store import ImageStore

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "base-images"


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
                store = ImageStore(chosen.data / "images", agent="base-images")
                reference = [store.import_base(tag, reference) for tag in RECIPES[name].tags][0]  # noqa: RUF015  all of them
            print(f"{name}\t{reference}", flush=True)
    except Problem as problem:
        print(f"Error: {problem.message}", file=sys.stderr)
        return 1
    return 0


def make(recipe: Recipe, *, again: bool = False, cache: Path = CACHE) -> str:
    """The reference of the image's archive, which is made unless it is there."""
    surroundings = look_around()
    archive = cache / f"{recipe.tag.replace(':', '-')}-{surroundings.hash(recipe)}.tar"
    if not archive.exists() or again:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            fresh = Path(folder) / "base.tar"
            make_archive(recipe, fresh, surroundings, on_line=lambda line: print(line, file=sys.stderr, flush=True))
            os.replace(fresh, archive)
        for former in set(cache.glob(f"{recipe.tag.replace(':', '-')}-*.tar")) - {archive}:
            former.unlink()
    return f"docker-archive:{archive}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
