"""The flags that deploy and launch share (facts: cli-deploy-launch 1.1)."""

from __future__ import annotations

from caddis.cli.flags import VM, YES, Flag, Kind, decimal, many, number, switch, text

DEFAULT_WAIT = "5m0s"
DEFAULT_UNAVAILABLE = 0.33
BUILD = (
    text("dockerfile", help="Path to a Dockerfile"),
    text("ignorefile", help="Path to a .dockerignore file"),
    text("image-label", help="The tag of the image that is built"),
    text("build-target", help="The stage of the Dockerfile to build"),
    many("build-arg", help="NAME=VALUE for the build; may be repeated"),
    switch("no-cache", help="Build every layer anew"),
)
_NO_EFFECT = (
    "remote-only",
    "local-only",
    "wg",
    "depot",
    "nixpacks",
    "buildkit",
    "push",
    "recreate-builder",
    "https-failover",
    "force-machines",
    "flycast",
)
_NO_EFFECT_TEXTS = ("depot-scope", "buildpacks-docker-host", "buildpacks-volume", "buildkit-addr", "buildkit-image")


def common_flags() -> tuple[Flag, ...]:
    """What deploy and launch share."""
    return (
        *_build_flags(),
        text("image", "i", help="Deploy this image instead of building one"),
        switch("now", help="Deploy without asking"),
        switch("detach", help="Do not wait until machines run and are healthy"),
        text("strategy", help="How to update machines: rolling (default), immediate, canary or bluegreen"),
        many(
            "build-secret", help="NAME=VALUE that RUN --mount=type=secret,id=NAME sees; kept nowhere; may be repeated"
        ),
        many("env", "e", help="NAME=VALUE for the machines' environment; may be repeated"),
        text("wait-timeout", help="How long to wait for a machine: 30, 5m0s or none", default=DEFAULT_WAIT),
        text("release-command-timeout", help="How long the release command may take", default=DEFAULT_WAIT),
        text("lease-timeout", help="How long a lease on a machine holds", default="13s"),
        switch("ha", help="Create a second machine for each new group that can have one", default=True),
        switch("smoke-checks", help="See that machines stay up", default=True),
        text("snapshot-before", help="Snapshot each volume before its machine is changed: true or false"),
        text("signal", "s", help="Signal that stops the old machines of a bluegreen deployment"),
        text("deploy-retries", help="How often a machine whose update failed is tried again", default="auto"),
        many("file-local", help="/guest/path=PATH: a file from here, in each machine; may be repeated"),
        many("file-literal", help="/guest/path=TEXT: a file of that text; may be repeated"),
        many("file-secret", help="/guest/path=SECRET: a file with a secret's value; may be repeated"),
        switch("dns-checks", help="No effect: there are no public names", default=True),
        decimal("max-unavailable", help="Machines updated at once: a share, or a number", default=DEFAULT_UNAVAILABLE),
        Flag(
            name="max-concurrent",
            kind=Kind.NUMBER,
            default=8,
            help="Machines touched at once with the immediate strategy",
            aliases=("immediate-max-concurrent",),
        ),
        number("volume-initial-size", help="Size in GB of volumes that the first deploy creates"),
        switch("skip-release-command", help="Do not run the release command"),
        text("primary-region", help="Instead of the file's primary_region"),
        many("regions", help="Only machines in these regions", commas=True, aliases=("only-regions",)),
        many("exclude-regions", help="No machines in these regions", commas=True),
        many("only-machines", help="Only these machines", commas=True),
        many("exclude-machines", help="Not these machines", commas=True),
        many("process-groups", help="Only these process groups", commas=True),
        switch("update-only", help="Create no machines for new process groups"),
        switch("no-public-ips", help="No effect: there are no public addresses"),
        *(switch(name, help="No effect, kept for scripts", hidden=True) for name in _NO_EFFECT),
        *(Flag(name=name, kind=Kind.TEXT, hidden=True) for name in _NO_EFFECT_TEXTS),
        *VM,
        YES,
    )


def _build_flags() -> tuple[Flag, ...]:
    return (
        switch("build-only", help="Stop after the build"),
        *BUILD,
        many("label", help="NAME=VALUE that the built image is labelled with; may be repeated"),
        text("compression", help="gzip or zstd; no effect: images are not pushed", default="gzip"),
        number("compression-level", help="0 to 9; no effect: images are not pushed", default=7),
        text("build-context-warn-size", help="Warn when the build's context is larger, such as 200MB; 0 never does"),
    )
