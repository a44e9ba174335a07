"""buildah: carries out a Dockerfile, in a storage of our own and with nothing left in the host's.

Every command runs in a mount namespace of its own, so that the overlays it mounts end with it, however it ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from caddis.kernel.command import Command
from caddis.kernel.ending import WITH_US
from caddis.kernel.skopeo import network_settings

BUILD_DEADLINE = 3600.0  # seconds
_NOISE = re.compile(
    r"STEP \d+/\d+|Getting image|Copying (?:blob|config)|Writing manifest|Storing signatures|-->|COMMIT|time=\""
    r"|subprocess exited|\[\d+/\d+\]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where layers and working containers are kept. `driver` is overlay, or vfs where overlays cannot be stacked."""

    root: str
    runroot: str
    driver: str = "overlay"

    def name(self, image: str) -> str:
        """An image in this storage, as skopeo spells it."""
        return f"containers-storage:[{self.driver}@{self.root}+{self.runroot}]{image}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One Dockerfile to carry out; paths are the host's."""

    context: str
    dockerfile: str
    tag: str
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    use_cache: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict)  # files by the names that RUN steps mount them by


def build(storage: Storage, wanted: Build, *, scratch: str, pass_fds: tuple[int, ...] = ()) -> Command:
    """RUN steps see the host's network (registries of packages are out there) and are confined by chroot only:
    runc inside a container or an unprivileged virtual machine often lacks what it needs, chroot never does.
    Nothing that a step started outlives the build, and the build does not outlive the thread that runs it.
    """
    argv = [
        *WITH_US,
        *_plain(storage),
        "bud",
        "--isolation",
        "chroot",
        "--network",
        "host",
        "--pull=false",
        "--layers",
    ]
    argv += ["--force-rm", "--format", "oci", "--file", wanted.dockerfile, "--tag", wanted.tag]
    if wanted.target:
        argv += ["--target", wanted.target]
    if not wanted.use_cache:
        argv.append("--no-cache")
    for name, value in wanted.build_args.items():
        argv += ["--build-arg", f"{name}={value}"]
    for name, value in wanted.labels.items():
        argv += ["--label", f"{name}={value}"]
    for name, path in wanted.secrets.items():
        argv += ["--secret", f"id={name},src={path}"]
    argv.append(wanted.context)
    env = {"TMPDIR": scratch, **network_settings(os.environ)}
    return Command(argv=tuple(argv), deadline=BUILD_DEADLINE, env=env, pass_fds=pass_fds)


def remove_containers(storage: Storage) -> Command:
    """Delete every working container, such as those of a build that was killed."""
    return Command(argv=(*_buildah(storage), "rm", "--all"), deadline=120.0)


def in_own_mounts(wanted: Command) -> Command:
    """The same command in a mount namespace that ends with it."""
    return replace(wanted, argv=("unshare", "--mount", "--propagation", "slave", "--", *wanted.argv))


def read_reason(output: str) -> str:
    """The most telling lines of a failed build: the step, and what its program said last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    verdict = next((line for line in reversed(lines) if line.startswith("Error: ")), "")
    said = [line for line in lines if not line.startswith("Error: ") and not _NOISE.match(line)]
    verdict = re.sub(r" &imagebuilder\.Step\{.*", "", verdict.removeprefix("Error: "))
    verdict = verdict.removeprefix("building at ").replace("Build error: ", "")
    if re.search(r"exit status \d+$", verdict) and said:
        return f"{verdict}: {said[-1]}"
    return verdict or (said[-1] if said else "buildah said nothing")


def _buildah(storage: Storage) -> tuple[str, ...]:
    return in_own_mounts(Command(argv=_plain(storage))).argv


def _plain(storage: Storage) -> tuple[str, ...]:
    own = ("--root", storage.root, "--runroot", storage.runroot, "--storage-driver", storage.driver)
    return ("buildah", *own)
