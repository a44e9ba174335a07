"""umoci: unpacks an image of an OCI layout into a folder, with owners, extended attributes and whiteouts right."""

from __future__ import annotations

from caddis.kernel.command import Command, Failed

UNPACK_DEADLINE = 1800.0  # seconds


def unpack(layout: str, tag: str, folder: str, *, pass_fds: tuple[int, ...] = ()) -> Command:
    """Unpack into `folder`, which must not exist.

    The raw form leaves out the list of checksums that would cost as much again and that nobody here reads.
    """
    argv = ("umoci", "--log", "error", "raw", "unpack", "--image", f"{layout}:{tag}", folder)
    return Command(argv=argv, deadline=UNPACK_DEADLINE, pass_fds=pass_fds)


def is_out_of_space(failed: Failed) -> bool:
    """Whether the disk was full."""
    return "no space left on device" in failed.stderr


def read_reason(failed: Failed) -> str:
    """Its last words without decoration."""
    lines = [line.strip(" ⨯•\t") for line in failed.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit {failed.exit}"
