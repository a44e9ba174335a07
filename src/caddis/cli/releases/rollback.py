"""`fly releases rollback [VERSION]`: an earlier release's configuration and image as a new release (decision 0033)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.deploy.flags import common_flags
from caddis.cli.flags import APP_FLAGS, switch
from caddis.cli.verb import at_most, verb
from caddis.domain.errors import Invalid

_SHOWN = frozenset(
    {"yes", "detach", "strategy", "wait-timeout", "smoke-checks", "max-unavailable", "snapshot-before", "only-machines"}
)
_NOT_HERE = frozenset(
    {"image", "now", "build-only", "dockerfile", "ignorefile", "image-label", "build-target", "build-arg", "no-cache"}
    | {"build-secret", "label", "file-local", "file-literal", "file-secret", "compression", "compression-level"}
    | {"build-context-warn-size", "primary-region"}
)


def run(call: Call) -> None:
    """Look, say what will happen, ask, and do it."""
    from caddis.cli.deploy.going_back import go_back

    go_back(call, _version(call.arguments[0]) if call.arguments else None)


def _version(text: str) -> int:
    number = text.removeprefix("v")
    if not number.isdigit():
        raise Invalid(f"{text!r} is not the version of a release: write it like v3", hint="fly releases")
    return int(number)


def _flags() -> tuple[object, ...]:
    from dataclasses import replace

    wanted = [flag for flag in common_flags() if flag.name not in _NOT_HERE]
    return tuple(flag if flag.name in _SHOWN else replace(flag, hidden=True) for flag in wanted)


COMMAND = verb(
    run,
    usage="rollback [VERSION]",
    long="Bring back an earlier release: its configuration and image become a new release. Without a version, the"
    " complete release before the newest. With --with-data, machines get new volumes with the data as that release"
    " left it; the present volumes stay, unattached.",
    flags=(
        *APP_FLAGS,
        switch("with-data", help="Bring back the data too, on new volumes made of the snapshots taken before"),
        *_flags(),  # type: ignore[arg-type]
    ),
    examples=(
        "fly releases rollback  # to the release before",
        "fly releases rollback v3 -a web --yes",
        "fly releases rollback v3 --with-data  # with the data as v3 left it",
    ),
    count=at_most(1),
)
