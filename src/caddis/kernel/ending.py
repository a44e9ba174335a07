"""Programs that must not outlive us, and mounts that must not outlive them."""

from __future__ import annotations

from dataclasses import replace

from caddis.kernel.command import Command

# In front of a program that starts whatever it likes: all of it is in a PID namespace, whose first process ends when
# the thread that waits for it does. Work whose agent was killed would otherwise go on, and hold the lock of the next.
WITH_US = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
)


def with_us(wanted: Command) -> Command:
    """The same command: nothing that it starts or mounts stays behind, however it or we end."""
    return replace(wanted, argv=(*WITH_US, *wanted.argv))
