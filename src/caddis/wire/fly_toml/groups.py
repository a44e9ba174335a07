"""Process groups, and which sections of fly.toml belong to which (facts: fly-toml 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from caddis.domain.machine import Guest
from caddis.wire.fly_toml.config import FlyToml, Mount, Service, Vm
from caddis.wire.fly_toml.sizes import parse_mb
from caddis.wire.vm_size import CPU_KINDS, get_size

DEFAULT_GROUP = "app"


class Grouped(Protocol):
    """A section that may name the groups it is for."""

    @property
    def processes(self) -> tuple[str, ...]: ...


G = TypeVar("G", bound=Grouped)


def group_names(config: FlyToml) -> tuple[str, ...]:
    """The process groups by name; without [processes] there is one, `app`."""
    return tuple(sorted(config.processes)) or (DEFAULT_GROUP,)


def default_group(config: FlyToml) -> str:
    """The group that a section without `processes` is for."""
    names = group_names(config)
    return DEFAULT_GROUP if DEFAULT_GROUP in names else names[0]


def sections_for(config: FlyToml, sections: Iterable[G], group: str) -> tuple[G, ...]:
    """The sections of one group: those that name it, and for the default group those that name none."""
    is_default = group == default_group(config)
    return tuple(
        section for section in sections if group in section.processes or (is_default and not section.processes)
    )


def mounts_for(config: FlyToml, group: str) -> tuple[Mount, ...]:
    """The mounts of one group; more than one is an error that validate reports."""
    return sections_for(config, config.mounts, group)


def services_for(config: FlyToml, group: str) -> tuple[Service, ...]:
    """The services of one group, without [http_service]."""
    return sections_for(config, config.services, group)


def has_services(config: FlyToml, group: str) -> bool:
    """Whether the outside may reach machines of this group: such groups get two machines on a first deploy."""
    http_service = (config.http_service,) if config.http_service else ()
    return bool(sections_for(config, http_service, group) or services_for(config, group))


def vm_for(config: FlyToml, group: str) -> Vm | None:
    """The size section of one group: the last that names it, else the last that names none."""
    naming = [vm for vm in config.vm if group in vm.processes]
    general = [vm for vm in config.vm if not vm.processes]
    return next(reversed(naming or general), None)


def guest_of(vm: Vm, *, path: str = "vm") -> Guest:
    """The size that a [[vm]] means, unchecked against the steps of memory; Invalid for an unknown size or text.

    Memory that is not given is that of the preset, and at least what the CPUs need.
    """
    preset = get_size(vm.size, field=f"{path}.size").guest if vm.size else Guest()
    kind, cpus = vm.cpu_kind or preset.cpu_kind, preset.cpus if vm.cpus is None else vm.cpus
    memory = vm.memory_mb if vm.memory_mb is not None else None
    if memory is None and vm.memory:
        memory = parse_mb(vm.memory, field=f"{path}.memory")
    if memory is None:
        least = CPU_KINDS[kind].min_memory_per_cpu * cpus if kind in CPU_KINDS else 0
        memory = max(preset.memory_mb, least)
    return Guest(cpu_kind=kind, cpus=cpus, memory_mb=memory)


def guest_for(config: FlyToml, group: str) -> Guest | None:
    """The size of one group's machines; None without [[vm]], when a deploy keeps the size that each machine has."""
    vm = vm_for(config, group)
    return None if vm is None else guest_of(vm)
