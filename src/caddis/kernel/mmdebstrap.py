"""mmdebstrap: makes a root file system from Debian's packages."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.kernel.command import Command

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

    `left_out` are paths never to unpack, `hooks` shell lines run at the end with $1 as the root, `sources` files of apt
    sources (none: deb.debian.org).
    """
    argv = ["mmdebstrap", "--variant=minbase", "--format=tar", "--quiet", '--aptopt=APT::Install-Recommends "false"']
    argv.append(_MERGED_USR)
    argv += [f"--dpkgopt={option}" for option in _NOBODY_READS]
    argv += [f"--dpkgopt=path-exclude={path}" for path in left_out]
    argv.append("--include=" + ",".join((_MERGED_USR_DECLARED, *packages)))
    argv += [f"--customize-hook={hook}" for hook in hooks]
    return Command(argv=(*argv, suite, target, *sources), deadline=BOOTSTRAP_DEADLINE)
