"""The --vm-* flags as a machine's size (facts: cli-volumes 1)."""

from __future__ import annotations

from typing import Any

from caddis.cli.call import Call
from caddis.domain.errors import Invalid
from caddis.domain.machine import Guest
from caddis.domain.sizes import MIB, parse_bytes
from caddis.wire.vm_size import check_guest, get_size

NAMES = ("vm-size", "vm-cpus", "vm-cpu-kind", "vm-memory")


def any_given(call: Call) -> bool:
    """Whether the command line says anything about the size."""
    return any(call.given(name) for name in NAMES)


def guest_from_flags(call: Call, *, default: Guest) -> Guest:
    """`default` with what the flags say; Invalid unless there is such a size."""
    if call.text("vm-gpus") or call.text("vm-gpu-kind"):
        raise Invalid("machines with GPUs are not supported")
    guest = get_size(call.text("vm-size"), field="--vm-size").guest if call.text("vm-size") else default
    if call.given("vm-cpu-kind"):
        kind = call.text("vm-cpu-kind")
        if kind not in ("shared", "performance"):
            raise Invalid(f"--vm-cpu-kind is {kind!r}: use shared or performance")
        guest = Guest(cpu_kind=kind, cpus=guest.cpus, memory_mb=guest.memory_mb)
    if call.given("vm-cpus"):
        if call.number("vm-cpus") <= 0:
            raise Invalid(f"--vm-cpus is {call.number('vm-cpus')}: it must be greater than zero")
        guest = Guest(cpu_kind=guest.cpu_kind, cpus=call.number("vm-cpus"), memory_mb=guest.memory_mb)
    if call.given("vm-memory"):
        guest = Guest(cpu_kind=guest.cpu_kind, cpus=guest.cpus, memory_mb=megabytes(call.text("vm-memory")))
    return check_guest(guest, field="--vm")


def megabytes(text: str) -> int:
    """MB meant by "512" (MB), "512mb" or "1gb"; binary, as flyctl reads them."""
    size = int(text) if text.isdigit() else parse_bytes(text, field="--vm-memory") // MIB
    if size <= 0:
        raise Invalid("--vm-memory cannot be zero")
    return size


def hint_from_flags(call: Call) -> dict[str, Any]:
    """What the machine that will use a volume needs, so that both fit on one host."""
    return guest_to_wire(guest_from_flags(call, default=Guest()))


def guest_to_wire(guest: Guest) -> dict[str, Any]:
    """As in a machine's config."""
    return {"cpu_kind": guest.cpu_kind, "cpus": guest.cpus, "memory_mb": guest.memory_mb}
