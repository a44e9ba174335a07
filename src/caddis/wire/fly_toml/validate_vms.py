"""The rules of [[vm]] and of a release command's machine (facts: fly-toml 12)."""

from __future__ import annotations

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import Vm
from caddis.wire.fly_toml.findings import Report
from caddis.wire.fly_toml.groups import guest_of
from caddis.wire.fly_toml.sizes import parse_mb
from caddis.wire.vm_size import NO_GPUS, check_guest, get_size

_PERSISTENCE = ("never", "restart", "always")


def check_vm(vm: Vm, path: str, report: Report) -> None:
    """Report everything that is wrong with a size; what the parts make together only when each can be read."""
    if vm.persist_rootfs and vm.persist_rootfs not in _PERSISTENCE:
        known = ", ".join(_PERSISTENCE)
        report("error", f"{path}.persist_rootfs", f"{path}.persist_rootfs is {vm.persist_rootfs!r}: use {known}")
    if vm.gpus or vm.gpu_kind:
        report("error", f"{path}.{'gpu_kind' if vm.gpu_kind else 'gpus'}", NO_GPUS)
        return
    readable = _check_size_name(vm, path, report) & _check_memory(vm, path, report)
    if not readable:
        return
    try:
        guest = guest_of(vm, path=path)
        if guest.memory_mb == 0:
            report("error", f"{path}.{'memory' if vm.memory_mb is None else 'memory_mb'}", "memory cannot be zero")
        else:
            check_guest(guest, field=path)
    except Invalid as problem:
        key = problem.field or path
        if key.endswith(".memory_mb") and vm.memory_mb is None and vm.memory:
            key = f"{path}.memory"  # as the file spells it
        report("error", key, problem.message)


def _check_size_name(vm: Vm, path: str, report: Report) -> bool:
    try:
        if vm.size:
            get_size(vm.size, field=f"{path}.size")
        return True
    except Invalid as problem:
        report("error", f"{path}.size", problem.message)
        return False


def _check_memory(vm: Vm, path: str, report: Report) -> bool:
    try:
        if vm.memory and vm.memory_mb is None:
            parse_mb(vm.memory, field=f"{path}.memory")
        return True
    except Invalid as problem:
        report("error", f"{path}.memory", problem.message)
        return False
