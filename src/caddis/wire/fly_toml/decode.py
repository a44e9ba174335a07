"""A patched fly.toml document to values; a wrong type is Invalid with the key's path. Unknown keys are tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caddis.domain.errors import Invalid
from caddis.wire.duration import parse_duration
from caddis.wire.fly_toml.config import (
    Build,
    Check,
    Concurrency,
    Deploy,
    Experimental,
    FileSection,
    FlyToml,
    HttpService,
    Metrics,
    Mount,
    RestartSection,
    Service,
    Vm,
)
from caddis.wire.reading import Reader

_LIMIT = 2**31


def decode(document: Mapping[str, Any]) -> FlyToml:
    """The values of a document that patches.py has brought to the one form."""
    reader = Reader(document)
    experimental, build, deploy = (reader.find_object(key) for key in ("experimental", "build", "deploy"))
    http_service, checks = reader.find_object("http_service"), reader.find_object("checks")
    return FlyToml(
        app=reader.text("app"),
        primary_region=reader.text("primary_region"),
        kill_signal=reader.text("kill_signal"),
        kill_timeout=_duration(reader, "kill_timeout"),
        swap_size_mb=_whole(reader, "swap_size_mb"),
        console_command=reader.text("console_command"),
        experimental=_experimental(experimental) if experimental else None,
        build=_build(build) if build else None,
        deploy=_deploy(deploy) if deploy else None,
        env=reader.text_map("env"),
        processes=reader.text_map("processes"),
        mounts=tuple(_mount(mount) for mount in reader.objects("mounts")),
        http_service=_http_service(http_service) if http_service else None,
        services=tuple(_service(service) for service in reader.objects("services")),
        checks={name: _check(Reader(checks.document[name], checks.at(name))) for name in checks.document}
        if checks
        else {},
        files=tuple(_file(file) for file in reader.objects("files")),
        host_dedication_id=reader.text("host_dedication_id"),
        machine_config=reader.text("machine_config"),
        container=reader.text("container"),
        machine_checks=_raw(reader, "machine_checks"),
        restart=tuple(_restart(restart) for restart in reader.objects("restart")),
        vm=tuple(_vm(vm) for vm in reader.objects("vm")),
        statics=_raw(reader, "statics"),
        metrics=tuple(_metrics(metrics) for metrics in reader.objects("metrics")),
    )


def _whole(reader: Reader, key: str) -> int | None:
    return reader.find_whole(key, low=-_LIMIT, high=_LIMIT)


def _duration(reader: Reader, key: str) -> float | None:
    """Seconds. A bare number, which Go would take for nanoseconds, is nobody's intention: it is refused."""
    value = reader.document.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Invalid(f'{reader.at(key)} is {value!r}: write a duration like "30s" or "5m"', field=reader.at(key))
    return parse_duration(value, field=reader.at(key))


def _raw(reader: Reader, key: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(entry.document for entry in reader.objects(key))


def _raw_object(reader: Reader, key: str) -> Mapping[str, Any] | None:
    inner = reader.find_object(key)
    return inner.document if inner else None


def _experimental(reader: Reader) -> Experimental:
    return Experimental(
        cmd=reader.texts("cmd"),
        entrypoint=reader.texts("entrypoint"),
        exec=reader.texts("exec"),
        auto_rollback=reader.find_truth("auto_rollback"),
        enable_consul=reader.find_truth("enable_consul"),
        enable_etcd=reader.find_truth("enable_etcd"),
        lazy_load_images=reader.find_truth("lazy_load_images"),
        attached=_raw_object(reader, "attached"),
        machine_config=reader.text("machine_config"),
    )


def _build(reader: Reader) -> Build:
    return Build(
        builder=reader.text("builder"),
        buildpacks=reader.texts("buildpacks"),
        args=reader.text_map("args"),
        image=reader.text("image"),
        settings=_raw_object(reader, "settings"),
        builtin=reader.text("builtin"),
        dockerfile=reader.text("dockerfile"),
        ignorefile=reader.text("ignorefile"),
        build_target=reader.text("build-target"),
        compose=_raw_object(reader, "compose"),
        compression=reader.text("compression"),
        compression_level=_whole(reader, "compression_level"),
    )


def _deploy(reader: Reader) -> Deploy:
    vm = reader.find_object("release_command_vm")
    return Deploy(
        strategy=reader.text("strategy"),
        max_unavailable=reader.find_number("max_unavailable"),
        wait_timeout=_duration(reader, "wait_timeout"),
        release_command=reader.text("release_command"),
        release_command_timeout=_duration(reader, "release_command_timeout"),
        release_command_vm=_vm(vm) if vm else None,
        release_command_volume=reader.text("release_command_volume"),
        seed_command=reader.text("seed_command"),
        snapshot_before=reader.find_truth("snapshot_before"),
    )


def _mount(reader: Reader) -> Mount:
    return Mount(
        source=reader.text("source"),
        destination=reader.text("destination"),
        initial_size=reader.text("initial_size"),
        snapshot_retention=_whole(reader, "snapshot_retention"),
        scheduled_snapshots=reader.find_truth("scheduled_snapshots"),
        auto_extend_size_threshold=_whole(reader, "auto_extend_size_threshold"),
        auto_extend_size_increment=reader.text("auto_extend_size_increment"),
        auto_extend_size_limit=reader.text("auto_extend_size_limit"),
        processes=reader.texts("processes"),
    )


def _concurrency(reader: Reader) -> Concurrency | None:
    inner = reader.find_object("concurrency")
    if inner is None:
        return None
    return Concurrency(
        type=inner.text("type"), soft_limit=_whole(inner, "soft_limit"), hard_limit=_whole(inner, "hard_limit")
    )


def _autostop(reader: Reader) -> str:
    return reader.choice("auto_stop_machines", ("off", "stop", "suspend"), "off") if _has_autostop(reader) else ""


def _has_autostop(reader: Reader) -> bool:
    return reader.has("auto_stop_machines") and reader.document["auto_stop_machines"] != ""


def _http_service(reader: Reader) -> HttpService:
    return HttpService(
        internal_port=_whole(reader, "internal_port"),
        force_https=reader.find_truth("force_https"),
        auto_stop_machines=_autostop(reader),
        auto_start_machines=reader.find_truth("auto_start_machines"),
        min_machines_running=_whole(reader, "min_machines_running"),
        processes=reader.texts("processes"),
        concurrency=_concurrency(reader),
        tls_options=_raw_object(reader, "tls_options"),
        http_options=_raw_object(reader, "http_options"),
        checks=tuple(_check(check) for check in reader.objects("checks")),
        machine_checks=_raw(reader, "machine_checks"),
    )


def _service(reader: Reader) -> Service:
    ports = reader.objects("ports")
    for port in ports:
        for key in ("port", "start_port", "end_port"):
            port.find_whole(key, low=1, high=65535)
        port.find_texts("handlers")
    return Service(
        protocol=reader.text("protocol"),
        internal_port=_whole(reader, "internal_port"),
        auto_stop_machines=_autostop(reader),
        auto_start_machines=reader.find_truth("auto_start_machines"),
        min_machines_running=_whole(reader, "min_machines_running"),
        ports=tuple(port.document for port in ports),
        concurrency=_concurrency(reader),
        tcp_checks=tuple(_check(check) for check in reader.objects("tcp_checks")),
        http_checks=tuple(_check(check) for check in reader.objects("http_checks")),
        machine_checks=_raw(reader, "machine_checks"),
        processes=reader.texts("processes"),
    )


def _check(reader: Reader) -> Check:
    headers = reader.find_object("headers")
    return Check(
        type=reader.text("type"),
        port=_whole(reader, "port"),
        interval=_duration(reader, "interval"),
        timeout=_duration(reader, "timeout"),
        grace_period=_duration(reader, "grace_period"),
        method=reader.text("method"),
        path=reader.text("path"),
        protocol=reader.text("protocol"),
        tls_skip_verify=reader.find_truth("tls_skip_verify"),
        tls_server_name=reader.text("tls_server_name"),
        headers={name: _header(headers, name) for name in headers.document} if headers else {},
        processes=reader.texts("processes"),
    )


def _header(reader: Reader, name: str) -> tuple[str, ...]:
    return reader.texts(name) if isinstance(reader.document[name], list) else (reader.text(name),)


def _file(reader: Reader) -> FileSection:
    return FileSection(
        guest_path=reader.text("guest_path"),
        local_path=reader.text("local_path"),
        secret_name=reader.text("secret_name"),
        raw_value=reader.find_text("raw_value"),
        processes=reader.texts("processes"),
    )


def _restart(reader: Reader) -> RestartSection:
    return RestartSection(
        policy=reader.text("policy"), retries=_whole(reader, "retries"), processes=reader.texts("processes")
    )


def _vm(reader: Reader) -> Vm:
    return Vm(
        size=reader.text("size"),
        memory=reader.text("memory"),
        cpu_kind=reader.text("cpu_kind"),
        cpus=_whole(reader, "cpus"),
        memory_mb=_whole(reader, "memory_mb"),
        max_memory_mb=_whole(reader, "max_memory_mb"),
        gpus=_whole(reader, "gpus"),
        gpu_kind=reader.text("gpu_kind"),
        kernel_args=reader.texts("kernel_args"),
        host_dedication_id=reader.text("host_dedication_id"),
        persist_rootfs=reader.text("persist_rootfs"),
        processes=reader.texts("processes"),
    )


def _metrics(reader: Reader) -> Metrics:
    return Metrics(
        port=_whole(reader, "port"),
        path=reader.text("path"),
        https=reader.find_truth("https"),
        processes=reader.texts("processes"),
    )
