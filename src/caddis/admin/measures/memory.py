"""What the API and the agent take of memory when nothing happens, and what each running machine adds."""

from __future__ import annotations

import re
import time
from pathlib import Path

from caddis.admin.measures.row import Row
from caddis.admin.measures.subject import Subject
from caddis.admin.supervisor import find_strays

_MACHINES = 5
_SETTLE_SECONDS = 2.0


def measure(subject: Subject) -> list[Row]:
    """Two rows, in MB of proportional set size."""
    time.sleep(_SETTLE_SECONDS)
    idle = _programs_mb(subject)
    made = [subject.create_machine() for _ in range(_MACHINES)]
    time.sleep(_SETTLE_SECONDS)
    grown = _programs_mb(subject) - idle + _holders_mb(made)
    for machine in made:
        subject.destroy_machine(machine)
    return [
        Row(name="memory of API and agent, idle", unit="MB", caddis=idle, target="<= 160 MB", met=idle <= 160),
        Row(
            name="memory for each running machine",
            unit="MB",
            caddis=grown / _MACHINES,
            target="<= 3 MB",
            met=grown / _MACHINES <= 3,
        ),
    ]


def _programs_mb(subject: Subject) -> float:
    return sum(_mb(pid) for pid in find_strays(subject.installation.data))


def _holders_mb(machines: list[str]) -> float:
    """conmon's share: the processes of Caddis itself that stand beside a machine's own."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                argv = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"conmon" in argv.split(b"\0")[0] and any(machine.encode() in argv for machine in machines):
                total += _mb(int(entry.name))
    return total


def _mb(pid: int) -> float:
    try:
        said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+([0-9]+) kB", said, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
