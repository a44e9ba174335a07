"""The OCI runtime spec of one launch. Pure: what it takes from the host comes in as arguments.

Bounds as Docker's defaults: its capabilities, masked paths and system calls, and no new privileges on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caddis.kernel import seccomp
from caddis.machines.accounts import Account
from caddis.machines.plan import Bind, LaunchPlan, SessionPlan

INIT_PATH = "/.caddis/init"  # inside
CAPABILITIES = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
]
MASKED_PATHS = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
]
READ_ONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
_NAMESPACES = ("pid", "ipc", "uts", "mount", "cgroup")
# programs that gave up root may listen on port 80 and send pings, as with Docker
_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
_PERIOD = 100_000  # microseconds
_SHARES_SHARED, _SHARES_PERFORMANCE = 64, 1024  # a CPU: a shared one is a sixteenth of a performance one, as on Fly
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the host gives to a launch.

    `init` is the host's path of a small static init; `devices` has major and minor number of each raw bind's source.
    """

    init: str
    cgroup: str
    pids_limit: int
    architecture: str
    devices: Mapping[str, tuple[int, int]]


def runtime_spec(plan: LaunchPlan, account: Account, host: Surroundings) -> dict[str, Any]:
    """config.json of the bundle."""
    raw = [bind for bind in plan.binds if bind.is_device]
    folders = [bind for bind in plan.binds if not bind.is_device]
    init = Bind(source=host.init, destination=INIT_PATH, read_only=True)
    return {
        "ociVersion": "1.0.2",
        "hostname": plan.hostname,
        "root": {"path": plan.root, "readonly": False},
        "process": process_spec(plan, account),
        "mounts": [*_system_mounts(plan.memory_mb), _bind(init)]
        + [_bind(bind) for bind in sorted(folders, key=lambda bind: bind.destination)],
        "linux": {
            "cgroupsPath": "/" + host.cgroup,
            "namespaces": [{"type": kind} for kind in _NAMESPACES] + [{"type": "network", "path": plan.netns}],
            "sysctl": _SYSCTLS,
            "maskedPaths": MASKED_PATHS,
            "readonlyPaths": READ_ONLY_PATHS,
            "seccomp": seccomp.profile(host.architecture),
            "devices": [_device(bind, account, host.devices[bind.source]) for bind in raw],
            "resources": _resources(plan, host.pids_limit, [host.devices[bind.source] for bind in raw]),
        },
    }


def process_spec(plan: LaunchPlan, account: Account) -> dict[str, Any]:
    """The main process, below an init that reaps what it leaves and hands signals on to it."""
    env = {"HOME": account.home, "HOSTNAME": plan.hostname, **({"TERM": "xterm"} if plan.tty else {}), **plan.env}
    return {
        "terminal": plan.tty,
        "args": [INIT_PATH, "--", *plan.argv],
        "env": [f"{name}={value}" for name, value in env.items()],
        "cwd": plan.workdir or "/",
        "user": _user(account),
        "noNewPrivileges": True,
        "capabilities": _capabilities(account),
    }


def exec_spec(main: Mapping[str, Any], argv: list[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Another program beside the main process, given the main one's spec: same user, folder, bounds and environment."""
    kept = [line for line in main["env"] if line.partition("=")[0] not in env]
    return {**main, "terminal": False, "args": argv, "env": kept + [f"{name}={value}" for name, value in env.items()]}


def session_spec(
    main: Mapping[str, Any], argv: list[str], plan: SessionPlan, account: Account | None
) -> dict[str, Any]:
    """As `exec_spec`, for someone who sits at it: perhaps another user, perhaps at a terminal."""
    env = {"TERM": plan.term or "xterm"} if plan.terminal else {}
    if account is not None:
        env["HOME"] = account.home
    spec = exec_spec(main, argv, env)
    if account is not None:
        spec |= {"user": _user(account), "capabilities": _capabilities(account)}
    if plan.terminal is not None:
        rows, columns = plan.terminal
        spec |= {"terminal": True, "consoleSize": {"height": rows, "width": columns}}
    return spec


def _user(account: Account) -> dict[str, Any]:
    return {"uid": account.uid, "gid": account.gid, "additionalGids": list(account.groups)}


def _capabilities(account: Account) -> dict[str, list[str]]:
    own = CAPABILITIES if account.uid == 0 else []
    return {"bounding": CAPABILITIES, "effective": own, "permitted": own}


def _system_mounts(memory_mb: int) -> list[dict[str, Any]]:
    half_of_memory = f"size={memory_mb * _MIB // 2}"
    return [
        _mount("/proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        _mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", half_of_memory),
        _mount("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
    ]


def _mount(destination: str, fstype: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": fstype, "source": fstype, "options": list(options)}


def _bind(bind: Bind) -> dict[str, Any]:
    options = ["bind", "private", "nodev", "nosuid", "ro" if bind.read_only else "rw"]
    return {"destination": bind.destination, "type": "bind", "source": bind.source, "options": options}


def _device(bind: Bind, account: Account, numbers: tuple[int, int]) -> dict[str, Any]:
    major, minor = numbers
    owner = {"uid": account.uid, "gid": account.gid, "fileMode": 0o600}
    return {"path": bind.destination, "type": "b", "major": major, "minor": minor, **owner}


def _resources(plan: LaunchPlan, pids_limit: int, devices: list[tuple[int, int]]) -> dict[str, Any]:
    memory = plan.memory_mb * _MIB
    shares = (_SHARES_SHARED if plan.shared_cpu else _SHARES_PERFORMANCE) * plan.cpus
    allowed = [{"allow": True, "type": "b", "major": major, "minor": minor, "access": "rw"} for major, minor in devices]
    return {
        "devices": [{"allow": False, "access": "rwm"}, *allowed],  # runc adds null, zero, random, ptys and the like
        "memory": {"limit": memory, "swap": memory},  # `swap` counts both together: none beyond memory
        "cpu": {"shares": shares, "period": _PERIOD, "quota": _PERIOD * plan.cpus},
        "pids": {"limit": pids_limit},
    }
