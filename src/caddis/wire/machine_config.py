"""A machine's config document (facts: machines-api 4.5) to domain, and back with what servers fill in."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from caddis.domain.errors import Invalid
from caddis.domain.image import check_reference
from caddis.domain.machine import (
    MAX_KILL_TIMEOUT,
    File,
    Guest,
    Init,
    Machine,
    MachineConfig,
    Mount,
    Restart,
    RestartPolicy,
    Service,
    StopConfig,
)
from caddis.domain.machine_schedule import PERIODS
from caddis.domain.secret import check_secret_name
from caddis.domain.volume import Volume, check_mount_path
from caddis.wire.checks import checks_from_wire
from caddis.wire.reading import Reader, has_control_characters, kind_of, naming
from caddis.wire.signals import check_stop_signal
from caddis.wire.vm_size import CPU_KINDS, NO_GPUS, check_guest, get_size

MAX_ROOTFS_GB = 500


def config_from_wire(document: object, *, path: str = "config") -> MachineConfig:
    """What we understand of a config document; Invalid, with the field's path, where a value is wrong.

    Fields that we do not know are tolerated: the caller keeps the document itself as `raw_config`.
    """
    reader = Reader(document, path)
    init, process = _init(reader)
    dns = reader.find_object("dns")
    rootfs = reader.find_object("rootfs")
    return MachineConfig(
        image=_image(reader),
        env=_env(reader) | (_env(process) if process else {}),
        secret_env=_secret_env(process) if process else {},
        ignores_app_secrets=process.truth("ignore_app_secrets") if process else False,
        init=init,
        guest=_guest(reader),
        mounts=_mounts(reader),
        files=tuple(_file(file) for file in reader.objects("files")),
        services=tuple(_service(service) for service in reader.objects("services")),
        checks=checks_from_wire(reader),
        metadata=reader.text_map("metadata"),
        restart=_restart(reader),
        stop_config=_stop_config(reader),
        auto_destroy=reader.truth("auto_destroy"),
        schedule=reader.choice("schedule", PERIODS, "") if reader.text("schedule") else "",
        hostname=dns.name("hostname") or None if dns else None,
        rootfs_size_gb=rootfs.whole("size_gb", high=MAX_ROOTFS_GB) if rootfs else 0,
    )


def _image(reader: Reader) -> str:
    return naming(reader.at("image"), check_reference, reader.text("image"))


def _env(reader: Reader) -> dict[str, str]:
    env: dict[str, str] = {}
    inner = reader.find_object("env")
    for name, value in inner.document.items() if inner else ():
        field = f"{reader.at('env')}.{name}"
        if not isinstance(value, str):
            hint = None if isinstance(value, dict | list | None) else f'write "{str(value).lower()}" in quotes'
            raise Invalid(f"{field} must be text, not {kind_of(value)}", hint=hint, field=field)
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise Invalid(
                f"{field} cannot be an environment variable: its name or value has impossible characters", field=field
            )
        env[name] = value
    return env


def _secret_env(process: Reader) -> dict[str, str]:
    """The process's own choice of the app's secrets, by variable; one that is not renamed says one name only."""
    chosen = {}
    for secret in process.objects("secrets"):
        given = {key: secret.text(key) for key in ("env_var", "name") if secret.text(key)}
        if not given:
            raise Invalid(f"{secret.at('name')} is missing: name a secret of the app", field=secret.at("name"))
        for key, name in given.items():
            naming(secret.at(key), check_secret_name, name)
        names = list(given.values())
        chosen[names[0]] = names[-1]
    return chosen


def _init(reader: Reader) -> tuple[Init, Reader | None]:
    """What to run, and the one process that says more about it."""
    if reader.items("containers"):
        field = reader.at("containers")
        raise Invalid(f"{field}: several containers in one machine are not supported yet", field=field)
    processes = reader.objects("processes")
    if len(processes) > 1:
        field = reader.at("processes")
        raise Invalid(f"{field}: more than one process in a machine is not supported yet", field=field)
    init = reader.find_object("init")
    process = processes[0] if processes else None
    if process and process.items("env_from"):
        raise Invalid(f"{process.at('env_from')} is not supported yet", field=process.at("env_from"))
    sources = [source for source in (process, init) if source is not None]

    def first(key: str) -> tuple[str, ...] | None:
        return next((texts for texts in (_argv(source, key) for source in sources) if texts), None)

    decoded = Init(
        exec=first("exec"),
        entrypoint=first("entrypoint"),
        cmd=first("cmd"),
        tty=init.truth("tty") if init else False,
        user=process.name("user") or None if process else None,
    )
    return decoded, process


def _argv(reader: Reader, key: str) -> tuple[str, ...] | None:
    texts = reader.find_texts(key)
    for position, text in enumerate(texts or ()):
        if "\0" in text:
            field = f"{reader.at(key)}[{position}]"
            raise Invalid(f"{field} contains a NUL character, which no argument may", field=field)
    return texts


def guest_from_wire(reader: Reader) -> Guest:
    """A guest object: what it leaves out is one shared CPU, and the least memory for its CPUs."""
    if reader.text("gpu_kind") or reader.whole("gpus"):
        key = "gpu_kind" if reader.text("gpu_kind") else "gpus"
        raise Invalid(f"{reader.at(key)}: {NO_GPUS}", field=reader.at(key))
    kind = reader.choice("cpu_kind", CPU_KINDS, "shared")
    cpus = reader.whole("cpus", low=-(2**53)) or 1
    memory = reader.whole("memory_mb", low=-(2**53)) or cpus * CPU_KINDS[kind].min_memory_per_cpu
    return check_guest(Guest(cpu_kind=kind, cpus=cpus, memory_mb=memory), field=reader.path)


def _guest(reader: Reader) -> Guest:
    size, guest = reader.text("size"), reader.find_object("guest")
    if size and guest and guest.document:
        field = reader.at("size")
        raise Invalid(f"{field} and {reader.at('guest')} exclude each other: give one of them", field=field)
    if size:
        return get_size(size, field=reader.at("size")).guest
    return guest_from_wire(guest) if guest else Guest()


def _mounts(reader: Reader) -> tuple[Mount, ...]:
    mounts = reader.objects("mounts")
    if len(mounts) > 1:
        field = reader.at("mounts")
        raise Invalid(f"{field} has {len(mounts)} entries: a machine mounts at most one volume", field=field)
    return tuple(_mount(mount) for mount in mounts)


def _mount(reader: Reader) -> Mount:
    volume, name = reader.name("volume"), reader.name("name")
    if not (volume or name):
        raise Invalid(
            f"{reader.at('volume')} is missing: give the id of a volume",
            hint="fly volumes list shows the ids",
            field=reader.at("volume"),
        )
    path = reader.text("path")
    if not path:
        raise Invalid(f"{reader.at('path')} is missing: give a directory, like /data", field=reader.at("path"))
    return Mount(
        volume=volume or name,
        path=naming(reader.at("path"), check_mount_path, path),
        name=name,
        extend_threshold_percent=reader.whole("extend_threshold_percent", high=100),
        add_size_gb=reader.whole("add_size_gb"),
        size_gb_limit=reader.whole("size_gb_limit"),
    )


def _file(reader: Reader) -> File:
    path = reader.text("guest_path")
    parts = [part for part in path.split("/") if part]
    if not path.startswith("/") or path.endswith("/") or ".." in parts or has_control_characters(path):
        raise Invalid(
            f"{reader.at('guest_path')} is {path!r}: it must be the absolute path of a file, like /etc/app.conf",
            field=reader.at("guest_path"),
        )
    if reader.text("image_config"):
        raise Invalid(f"{reader.at('image_config')} is not supported yet", field=reader.at("image_config"))
    mode = reader.whole("mode", high=0o7777) or 0o644
    if secret := reader.text("secret_name"):
        return File(guest_path=path, mode=mode, secret=naming(reader.at("secret_name"), check_secret_name, secret))
    try:
        content = base64.b64decode(reader.text("raw_value"), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"{reader.at('raw_value')} is not base64", field=reader.at("raw_value")) from None
    return File(guest_path=path, content=content, mode=mode)


def _service(reader: Reader) -> Service:
    if not reader.has("internal_port"):
        field = reader.at("internal_port")
        raise Invalid(f"{field} is missing: give the port that the program listens on", field=field)
    return Service(
        protocol=reader.choice("protocol", ("tcp", "udp"), ""),
        internal_port=reader.whole("internal_port", low=1, high=65535),
    )


def _restart(reader: Reader) -> Restart:
    restart = reader.find_object("restart")
    if restart is None:
        return Restart()
    policy = restart.choice("policy", tuple(RestartPolicy), RestartPolicy.ON_FAILURE)
    return Restart(policy=RestartPolicy(policy), max_retries=restart.whole("max_retries", high=1_000_000))


def _stop_config(reader: Reader) -> StopConfig:
    stop, default = reader.find_object("stop_config"), StopConfig()
    if stop is None:
        return default
    signal = stop.document.get("signal")
    timeout = stop.find_duration("timeout", high=MAX_KILL_TIMEOUT)
    return StopConfig(
        signal=check_stop_signal(signal, field=stop.at("signal")) if signal not in (None, "") else default.signal,
        timeout=default.timeout if timeout is None else timeout,
    )


def guest_to_wire(guest: Guest) -> dict[str, Any]:
    """The guest object."""
    return {"cpu_kind": guest.cpu_kind, "cpus": guest.cpus, "memory_mb": guest.memory_mb}


def config_to_wire(machine: Machine, volume: Volume | None) -> dict[str, Any]:
    """The client's own document, with what servers must fill in (facts: machines-api 4.2, 4.5, 4.5.2).

    `size` is answered as the guest it means: a client that sends back what it got must not be refused for giving both.
    """
    document = {key: value for key, value in machine.raw_config.items() if key != "size"}
    for required in ("env", "metadata", "init"):
        if document.get(required) is None:
            document[required] = {}
    given = {key: value for key, value in (document.get("guest") or {}).items() if value not in (None, 0, "")}
    document["guest"] = {**(document.get("guest") or {}), **guest_to_wire(machine.config.guest), **given}
    mounts = document.get("mounts") or []
    if mounts and volume is not None:
        filled = {
            **mounts[0],
            "volume": volume.id,
            "name": volume.name,
            "size_gb": volume.size_gb,
            "encrypted": volume.encrypted,
        }
        document["mounts"] = [filled, *mounts[1:]]
    return document
