"""cp: copies whole folders and large files, sharing blocks where the file system can."""

from __future__ import annotations

from caddis.kernel.command import Command

COPY_DEADLINE = 1800.0  # seconds
_SLOWEST_BYTES_A_SECOND = 20e6  # of a disk on which a copy is given up


def copy_tree(source: str, target: str, *, pass_fds: tuple[int, ...] = ()) -> Command:
    """Make `target`, which must not exist, a copy of the folder `source`: owners, times, attributes, links and all."""
    argv = ("cp", "--archive", "--reflink=auto", "--no-target-directory", source, target)
    return Command(argv=argv, deadline=COPY_DEADLINE, pass_fds=pass_fds)


def copy_file(source: str, target: str, *, size_bytes: int) -> Command:
    """Make `target`, which must not exist, a copy of a file; what was never written there is not here either."""
    argv = ("cp", "--reflink=auto", "--sparse=auto", "--no-target-directory", source, target)
    return Command(argv=argv, deadline=60.0 + size_bytes / _SLOWEST_BYTES_A_SECOND)
