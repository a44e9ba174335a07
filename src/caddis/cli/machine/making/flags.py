"""The flags of `fly machine run`, `create` and `update` (facts: cli-deploy-launch 5.1 and 5.2)."""

from __future__ import annotations

from caddis.cli.deploy.flags import common_flags
from caddis.cli.flags import APP_FLAGS, ORG, REGION, VM, Flag, Kind, many, number, switch, text

_OF_BUILDS = frozenset(
    {"dockerfile", "ignorefile", "image-label", "build-target", "build-arg", "build-secret", "no-cache", "label"}
    | {"build-context-warn-size"}
)


def build_flags() -> tuple[Flag, ...]:
    """As a deploy has them."""
    return tuple(flag for flag in common_flags() if flag.name in _OF_BUILDS)


def config_flags() -> tuple[Flag, ...]:
    """What a machine is to be."""
    return (
        *APP_FLAGS,
        many("port", "p", help="Ports: edgePort[:machinePort][/protocol[:handler...]]; 80/tcp:- removes", commas=True),
        many("env", "e", help="NAME=VALUE for the environment; may be repeated"),
        many("metadata", "m", help="NAME=VALUE to keep with the machine; NAME= removes; may be repeated"),
        text("entrypoint", help="Instead of the image's ENTRYPOINT"),
        text("restart", help="When to start again after the program's end: no, always or on-failure"),
        text("schedule", help="Start it hourly, daily, weekly or monthly"),
        many("standby-for", help="IDs of the machines that it stands by for", commas=True),
        many("file-local", help="/path/inside=LOCAL_FILE; may be repeated"),
        many("file-literal", help="/path/inside=CONTENT; may be repeated"),
        many("file-secret", help="/path/inside=SECRET; may be repeated"),
        text("machine-config", help="A machine config as JSON, or the path of a file with one"),
        switch("autostart", help="Start it when a request comes", default=True),
        text("autostop", help="When there are no requests: off, stop or suspend", default="off"),
        switch("skip-dns-registration", help="Do not give it a name"),
        text("rootfs-persist", help="never: the root file system is new at every start"),
        number("rootfs-size", help="Room for changes to the root file system, in GB"),
        number("swap-size", help="Kept in the config: machines have no swap here"),
        Flag(name="kernel-arg", kind=Kind.REPEATED, default=(), hidden=True),
        Flag(name="cachedrive-size", kind=Kind.NUMBER, default=0, hidden=True),
        switch("use-zstd", help="No effect, kept for scripts", hidden=True),
        switch("detach", help="Do not wait until it runs"),
        *build_flags(),
        *VM,
    )


def new_flags() -> tuple[Flag, ...]:
    """Of run and create."""
    return (
        *config_flags(),
        REGION,
        ORG,
        text("name", "n", help="The machine's name (default: one is made up)"),
        switch("rm", help="Destroy it when its program has ended"),
        Flag(name="image", kind=Kind.TEXT, hidden=True),  # what is built or fetched looks for it
        many("volume", "v", help="A volume to mount: <id or name>:/path/inside", commas=True),
    )
