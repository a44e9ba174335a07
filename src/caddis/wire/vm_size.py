"""Machine sizes: Fly's presets and the rules for sizes of one's own (facts: machines-api 4.5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from caddis.domain.errors import Invalid
from caddis.domain.machine import Guest


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuKind:
    """What machines with this kind of CPU may have. Memory in MB."""

    cpus: tuple[int, ...]
    memory_step: int
    min_memory_per_cpu: int
    max_memory_per_cpu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VmSize:
    """A preset."""

    name: str
    guest: Guest


CPU_KINDS = {
    "shared": CpuKind(cpus=(1, 2, 4, 6, 8), memory_step=256, min_memory_per_cpu=256, max_memory_per_cpu=2048),
    "performance": CpuKind(
        cpus=(1, 2, 4, 6, 8, 10, 12, 14, 16, 32, 64, 128),
        memory_step=1024,
        min_memory_per_cpu=2048,
        max_memory_per_cpu=8192,
    ),
}
GPU_SIZES = frozenset({"a10", "l40s", "a100-40gb", "a100-80gb"})
NO_GPUS = "machines with GPUs are not supported"


def _presets() -> dict[str, VmSize]:
    sizes = {}
    for prefix, kind, cpu_counts in (
        ("shared-cpu", "shared", (1, 2, 4, 6, 8)),
        ("performance", "performance", (1, 2, 4, 6, 8, 10, 12, 14, 16)),
    ):
        for cpus in cpu_counts:
            name = f"{prefix}-{cpus}x"
            guest = Guest(cpu_kind=kind, cpus=cpus, memory_mb=cpus * CPU_KINDS[kind].min_memory_per_cpu)
            sizes[name] = VmSize(name=name, guest=guest)
    return sizes


VM_SIZES = _presets()


def get_size(name: str, *, field: str = "size") -> VmSize:
    """The preset of that name; Invalid, naming the valid ones of its family, when there is none."""
    size = VM_SIZES.get(name)
    if size is not None:
        return size
    if name in GPU_SIZES:
        raise Invalid(f"{field} is {name!r}: {NO_GPUS}", field=field)
    family = [known for known in VM_SIZES if known.split("-")[0] == name.split("-")[0]]
    raise Invalid(f"{field} is {name!r}, which is not a size: use one of {', '.join(family or VM_SIZES)}", field=field)


def size_name(guest: Guest) -> str:
    """The name of the preset with this kind and number of CPUs, whatever the memory."""
    prefix = "shared-cpu" if guest.cpu_kind == "shared" else guest.cpu_kind
    return f"{prefix}-{guest.cpus}x"


def check_guest(guest: Guest, *, field: str = "config.guest") -> Guest:
    """The guest itself; Invalid, with the field below `field`, unless Fly has such a size."""
    kind = CPU_KINDS.get(guest.cpu_kind)
    if kind is None:
        raise Invalid(
            f"{field}.cpu_kind is {guest.cpu_kind!r}: use one of {', '.join(CPU_KINDS)}", field=f"{field}.cpu_kind"
        )
    if guest.cpus not in kind.cpus:
        allowed = ", ".join(str(cpus) for cpus in kind.cpus)
        raise Invalid(
            f"{field}.cpus is {guest.cpus}: a machine with {guest.cpu_kind} CPUs has {allowed} of them",
            field=f"{field}.cpus",
        )
    low, high = guest.cpus * kind.min_memory_per_cpu, guest.cpus * kind.max_memory_per_cpu
    if guest.memory_mb % kind.memory_step or not low <= guest.memory_mb <= high:
        raise Invalid(
            f"{field}.memory_mb is {guest.memory_mb}: with {guest.cpus} {guest.cpu_kind} CPU{'s' * (guest.cpus > 1)}"
            f" it must be a multiple of {kind.memory_step} from {low} to {high}",
            field=f"{field}.memory_mb",
        )
    return guest
