"""cp: copies whole folders, sharing blocks where the file system can."""

from __future__ import annotations

from caddis.kernel.command import Command

COPY_DEADLINE = 1800.0  # seconds


def copy_tree(source: str, target: str, *, pass_fds: tuple[int, ...] = ()) -> Command:
    """Make `target`, which must not exist, a copy of the folder `source`: owners, times, attributes, links and all."""
    argv = ("cp", "--archive", "--reflink=auto", "--no-target-directory", source, target)
    return Command(argv=argv, deadline=COPY_DEADLINE, pass_fds=pass_fds)
