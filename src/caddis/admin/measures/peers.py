"""What a user would take instead: docker and podman, where they are installed and answer."""

from __future__ import annotations

import io
import tarfile
import uuid

from caddis.admin.measures.row import median_seconds
from caddis.domain.errors import Problem
from caddis.kernel.command import Command, command, find_program, run

_PODMAN = ("podman", "--runtime", "/usr/sbin/runc", "--cgroup-manager", "cgroupfs")


def start_seconds(*, rounds: int) -> dict[str, float]:
    """By name: the median time of starting a stopped container that has a volume."""
    found = {}
    for name, argv in (("docker", ("docker",)), ("podman", _PODMAN)):
        if find_program(name) is None:
            continue
        try:
            found[name] = _measure(argv, rounds)
        except Problem:
            continue  # installed, but no daemon answers, or it cannot run containers here
    return found


def _measure(argv: tuple[str, ...], rounds: int) -> float:
    name = f"caddis-bench-{uuid.uuid4().hex[:8]}"
    _do(argv, "import", "-", name, stdin=_root())
    try:
        _do(argv, "volume", "create", name)
        _do(argv, "create", "--name", name, "-v", f"{name}:/data", name, "/bin/busybox", "sleep", "100000")
        return median_seconds(lambda: _do(argv, "start", name), rounds=rounds, between=lambda: _do(argv, "kill", name))
    finally:
        for words in (("rm", "--force", name), ("volume", "rm", "--force", name), ("rmi", "--force", name)):
            run(command(*argv, *words), accept=(0, 1))


def _do(argv: tuple[str, ...], *words: str, stdin: bytes | None = None) -> None:
    run(Command(argv=(*argv, *words), stdin=stdin, deadline=60))


def _root() -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
    return tar.getvalue()
