"""mmdebstrap: makes a root file system from Debian's packages."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.kernel.command import Command
from caddis.kernel.ending import with_us

BOOTSTRAP_DEADLINE = 1200.0  # seconds
# What nobody reads inside a container; copyright files stay, as their licences ask.
_NOBODY_READS = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*/LC_MESSAGES/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
# The links /bin -> usr/bin made by hand and declared done: the package that would make them brings 50 MB of Perl along.
_MERGED_USR = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"
_MERGED_USR_DECLARED = "usr-is-merged"

_STAGES = {
    "running apt-get update": "reading the lists of packages",
    "downloading packages": "downloading packages",
    "extracting archives": "extracting the essential ones",
    "installing remaining packages": "installing the others",
    "creating tarball": "packing it",
}


def bootstrap(
    target: str,
    *,
    suite: str,
    packages: Sequence[str],
    left_out: Sequence[str] = (),
    hooks: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> Command:
    """Write a tar of a minimal `suite` with `packages` to `target`.

    Nothing of it is left in the host's mounts, and it ends when we do. `left_out` are paths never to unpack, `hooks`
    shell lines run at the end with $1 as the root, `sources` files of apt sources (none: deb.debian.org).
    """
    argv = ["mmdebstrap", "--variant=minbase", "--format=tar", '--aptopt=APT::Install-Recommends "false"', _MERGED_USR]
    argv += [f"--dpkgopt={option}" for option in _NOBODY_READS]
    argv += [f"--dpkgopt=path-exclude={path}" for path in left_out]
    argv.append("--include=" + ",".join((_MERGED_USR_DECLARED, *packages)))
    argv += [f"--customize-hook={hook}" for hook in hooks]
    return with_us(Command(argv=(*argv, suite, target, *sources), deadline=BOOTSTRAP_DEADLINE))


def read_progress(line: str) -> str:
    """What it has begun to do; "" for every line that does not say so."""
    said = line.rpartition("\r")[2].strip().removeprefix("I: ")
    return next((words for begins, words in _STAGES.items() if said.startswith(begins)), "")


def read_reason(output: str) -> str:
    """The most telling line of a failure: what apt or dpkg complained of first, else mmdebstrap's own last word."""
    lines = [line.strip() for line in output.replace("\r", "\n").splitlines()]
    complaints = [line for line in lines if line.startswith(("E: ", "Err:", "dpkg: error"))]
    return (complaints or [line for line in lines if line] or ["mmdebstrap said nothing"])[0].removeprefix("E: ")
