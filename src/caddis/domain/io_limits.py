"""How much a machine may do to a volume: operations and bytes a second. Fly's figures by machine size, or one's own.

Off unless the installation or the volume says otherwise: who owns the disk need not ration it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

from caddis.domain.errors import Invalid
from caddis.domain.machine import Guest
from caddis.domain.sizes import MIB, parse_bytes

MAX_IOPS = 10_000_000
MAX_BANDWIDTH = 1 << 40  # bytes a second
_WORDS = {"default": None, "off": 0}


class IoPolicy(StrEnum):
    """What holds for volumes that say nothing of their own."""

    OFF = "off"
    FLY = "fly"  # as on Fly, by the size of the machine


@dataclass(frozen=True, slots=True, kw_only=True)
class IoLimits:
    """Each of reading and writing. None: as the installation says; 0: no limit. `bandwidth` in bytes a second."""

    iops: int | None = None
    bandwidth: int | None = None

    @property
    def said(self) -> bool:
        """Whether anything differs from what the installation says."""
        return self.iops is not None or self.bandwidth is not None


NOTHING_SAID = IoLimits()
UNLIMITED = IoLimits(iops=0, bandwidth=0)


def _row(cpus: int, iops: int, mib: int) -> tuple[int, IoLimits]:
    return cpus, IoLimits(iops=iops, bandwidth=mib * MIB)


# (cpus, limits) as Fly documents them (facts: systems 5), smallest first
FLY_LIMITS: Mapping[str, tuple[tuple[int, IoLimits], ...]] = MappingProxyType(
    {
        "shared": (_row(1, 4000, 16), _row(2, 4000, 16), _row(4, 8000, 32), _row(8, 8000, 32)),
        "performance": (
            _row(1, 12000, 48),
            _row(2, 16000, 64),
            _row(4, 16000, 64),
            _row(8, 32000, 128),
            _row(16, 32000, 128),
        ),
    }
)


def limits_of_size(guest: Guest) -> IoLimits:
    """Fly's for a machine of that size. A number of CPUs that Fly's table lacks lies in between, in proportion."""
    rows = FLY_LIMITS.get(guest.cpu_kind, FLY_LIMITS["shared"])
    for (below, less), (above, more) in pairwise(rows):
        if below <= guest.cpus <= above:
            return IoLimits(
                iops=_between(guest.cpus, (below, less.iops or 0), (above, more.iops or 0)),
                bandwidth=_between(guest.cpus, (below, less.bandwidth or 0), (above, more.bandwidth or 0)),
            )
    return rows[-1][1] if guest.cpus > rows[-1][0] else rows[0][1]


def _between(cpus: int, less: tuple[int, int], more: tuple[int, int]) -> int:
    return less[1] + (more[1] - less[1]) * (cpus - less[0]) // (more[0] - less[0])


def choose_io_limits(own: IoLimits, guest: Guest, policy: IoPolicy) -> IoLimits:
    """What a machine of that size gets on a volume that says `own`: never None, 0 for no limit."""
    usual = limits_of_size(guest) if policy is IoPolicy.FLY else UNLIMITED
    return IoLimits(
        iops=usual.iops if own.iops is None else own.iops,
        bandwidth=usual.bandwidth if own.bandwidth is None else own.bandwidth,
    )


def check_iops(number: object) -> int | None:
    """Operations a second, 0 for no limit, None for the installation's; Invalid otherwise."""
    return _check(number, MAX_IOPS, "iops", "a whole number of operations a second")


def check_bandwidth(number: object) -> int | None:
    """Bytes a second, 0 for no limit, None for the installation's; Invalid otherwise."""
    return _check(number, MAX_BANDWIDTH, "bandwidth", "a whole number of bytes a second")


def parse_iops(text: str) -> int | None:
    """What `--iops` says: a number, "off" or "default"."""
    if text in _WORDS:
        return _WORDS[text]
    if not text.isdecimal() or int(text) == 0:
        raise Invalid(f"--iops {text!r} is not a number of operations a second", hint=_HINT.format("iops 500"))
    return check_iops(int(text))


def parse_bandwidth(text: str) -> int | None:
    """What `--bandwidth` says: a size for each second, "off" or "default"."""
    if text in _WORDS:
        return _WORDS[text]
    count = parse_bytes(text, field="bandwidth")
    if count == 0:
        raise Invalid(f"--bandwidth {text!r} would let nothing through", hint=_HINT.format("bandwidth 16MiB"))
    return check_bandwidth(count)


_HINT = 'write it like --{}; "off" means no limit, "default" what the installation says'


def _check(number: object, most: int, field: str, wanted: str) -> int | None:
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= most:
        raise Invalid(f"{field} {number!r} is not {wanted} from 1 to {most} (0: no limit)", field=field)
    return number
