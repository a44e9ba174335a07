"""mmdebstrap: makes a root file system from Debian's packages, with the sources that this computer's own apt uses."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.kernel.command import Command

BOOTSTRAP_DEADLINE = 1200.0  # seconds
# What nobody reads inside a container; copyright files stay, as their licences ask.
_LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*/LC_MESSAGES/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)


def bootstrap(
    target: str, *, suite: str, packages: Sequence[str], hooks: Sequence[str] = (), sources: Sequence[str] = ()
) -> Command:
    """Write a tar of a minimal `suite` with `packages` to `target`.

    `hooks` are shell lines run at the end with $1 as the root; `sources` are files of apt sources, none for its own.
    """
    argv = ["mmdebstrap", "--variant=minbase", "--format=tar", "--quiet", '--aptopt=APT::Install-Recommends "false"']
    argv += [f"--dpkgopt={option}" for option in _LEFT_OUT]
    if packages:
        argv.append("--include=" + ",".join(packages))
    argv += [f"--customize-hook={hook}" for hook in hooks]
    return Command(argv=(*argv, suite, target, *sources), deadline=BOOTSTRAP_DEADLINE)
