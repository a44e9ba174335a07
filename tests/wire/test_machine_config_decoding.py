"""A machine's config document: what is understood, what is refused, what is kept."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_strategies import anything, config_documents

from caddis.domain.errors import Invalid
from caddis.domain.machine import Guest, Init, MachineConfig, Mount, Restart, RestartPolicy, Service, StopConfig
from caddis.wire.machine_config import config_from_wire

_TEXT = base64.b64encode(b"hello").decode()


def decode(**fields: Any) -> MachineConfig:
    return config_from_wire({"image": "debian:12", **fields})


def test_the_least_config_is_an_image() -> None:
    assert config_from_wire({"image": "debian:12"}) == MachineConfig(image="debian:12")


def test_a_whole_config_is_understood() -> None:
    config = decode(
        env={"A": "1"},
        init={"exec": ["/bin/x"], "entrypoint": ["/e"], "cmd": ["a", "b"], "tty": True},
        guest={"cpu_kind": "performance", "cpus": 2, "memory_mb": 4096},
        mounts=[{"volume": "vol_k7d2m9qx41pz8wve", "path": "/data", "name": "data", "add_size_gb": 1}],
        files=[{"guest_path": "/etc/x", "raw_value": _TEXT, "mode": 0o600}],
        services=[{"protocol": "tcp", "internal_port": 8080}],
        metadata={"fly_process_group": "web"},
        restart={"policy": "always", "max_retries": 3},
        stop_config={"signal": "SIGTERM", "timeout": "10s"},
        auto_destroy=True,
        dns={"hostname": "box"},
        rootfs={"size_gb": 4},
        schedule="daily",
        standbys=["e148e127b12345"],
        nobody_knows={"this": 1},
    )
    assert config.env == {"A": "1"}
    assert config.init == Init(exec=("/bin/x",), entrypoint=("/e",), cmd=("a", "b"), tty=True)
    assert config.guest == Guest(cpu_kind="performance", cpus=2, memory_mb=4096)
    assert config.mounts == (Mount(volume="vol_k7d2m9qx41pz8wve", path="/data", name="data", add_size_gb=1),)
    assert (config.files[0].content, config.files[0].mode) == (b"hello", 0o600)
    assert config.services == (Service(protocol="tcp", internal_port=8080),)
    assert config.process_group == "web"
    assert config.restart == Restart(policy=RestartPolicy.ALWAYS, max_retries=3)
    assert config.stop_config == StopConfig(signal="SIGTERM", timeout=10.0)
    assert (config.auto_destroy, config.hostname, config.rootfs_size_gb) == (True, "box", 4)


def test_null_counts_as_absent() -> None:
    names = (
        "env",
        "init",
        "guest",
        "mounts",
        "files",
        "services",
        "metadata",
        "restart",
        "stop_config",
        "auto_destroy",
    )
    assert decode(**dict.fromkeys(names)) == MachineConfig(image="debian:12")


def test_a_preset_stands_for_a_guest() -> None:
    assert decode(size="performance-2x").guest == Guest(cpu_kind="performance", cpus=2, memory_mb=4096)


def test_a_guest_without_memory_has_the_least_for_its_cpus() -> None:
    assert decode(guest={"cpus": 4}).guest == Guest(cpu_kind="shared", cpus=4, memory_mb=1024)


def test_one_process_may_say_what_to_run() -> None:
    config = decode(
        env={"A": "1", "B": "1"},
        init={"cmd": ["from", "init"], "entrypoint": ["/e"]},
        processes=[{"cmd": ["from", "process"], "env": {"B": "2"}, "user": "web"}],
    )
    assert config.init == Init(cmd=("from", "process"), entrypoint=("/e",), user="web")
    assert config.env == {"A": "1", "B": "2"}


def test_a_volume_may_be_named_instead_of_numbered() -> None:
    assert decode(mounts=[{"name": "data", "path": "/data"}]).mounts == (
        Mount(volume="data", path="/data", name="data"),
    )


def test_a_stop_timeout_in_nanoseconds_is_understood() -> None:
    assert decode(stop_config={"timeout": 5_000_000_000}).stop_config == StopConfig(timeout=5.0)


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"image": None}, "config.image", "no image"),
        ({"image": ""}, "config.image", "no image"),
        ({"image": 5}, "config.image", "must be text, not the number 5"),
        ({"image": "Debian 12"}, "config.image", "contains blanks"),
        ({"image": "oci:relative"}, "config.image", "must be absolute"),
        ({"env": ["A=1"]}, "config.env", "must be an object, not a list"),
        ({"env": {"PORT": 8080}}, "config.env.PORT", "must be text, not the number 8080"),
        ({"env": {"DEBUG": True}}, "config.env.DEBUG", "must be text, not true"),
        ({"env": {"A": None}}, "config.env.A", "must be text, not null"),
        ({"env": {"A=B": "x"}}, "config.env.A=B", "cannot be an environment variable"),
        ({"env": {"A": "x\0y"}}, "config.env.A", "cannot be an environment variable"),
        ({"init": []}, "config.init", "must be an object, not a list"),
        ({"init": {"cmd": "sleep 1"}}, "config.init.cmd", "must be a list, not text"),
        ({"init": {"cmd": ["sleep", 1]}}, "config.init.cmd[1]", "must be text, not the number 1"),
        ({"init": {"exec": ["a\0b"]}}, "config.init.exec[0]", "NUL"),
        ({"init": {"tty": "yes"}}, "config.init.tty", "must be true or false, not text"),
        ({"guest": {"cpu_kind": "fast"}}, "config.guest.cpu_kind", "use one of shared, performance"),
        ({"guest": {"cpus": 3}}, "config.guest.cpus", "1, 2, 4, 6, 8"),
        ({"guest": {"cpus": -1}}, "config.guest.cpus", "is -1"),
        ({"guest": {"cpus": 1.5}}, "config.guest.cpus", "must be a whole number, not the number 1.5"),
        ({"guest": {"cpus": True}}, "config.guest.cpus", "must be a whole number, not true"),
        ({"guest": {"memory_mb": 300}}, "config.guest.memory_mb", "multiple of 256 from 256 to 2048"),
        ({"guest": {"memory_mb": 128}}, "config.guest.memory_mb", "from 256 to 2048"),
        ({"guest": {"memory_mb": 4096}}, "config.guest.memory_mb", "from 256 to 2048"),
        ({"guest": {"cpu_kind": "performance", "memory_mb": 1024}}, "config.guest.memory_mb", "from 2048 to 8192"),
        ({"guest": {"gpus": 1}}, "config.guest.gpus", "GPUs are not supported"),
        ({"guest": {"gpu_kind": "a10"}}, "config.guest.gpu_kind", "GPUs are not supported"),
        ({"size": "shared-cpu-3x"}, "config.size", "use one of shared-cpu-1x"),
        ({"size": "a100-40gb"}, "config.size", "GPUs are not supported"),
        ({"size": "shared-cpu-1x", "guest": {"cpus": 2}}, "config.size", "exclude each other"),
        ({"mounts": {}}, "config.mounts", "must be a list, not an object"),
        ({"mounts": ["data"]}, "config.mounts[0]", "must be an object, not text"),
        ({"mounts": [{}, {}]}, "config.mounts", "at most one volume"),
        ({"mounts": [{"path": "/data"}]}, "config.mounts[0].volume", "is missing"),
        ({"mounts": [{"volume": "v"}]}, "config.mounts[0].path", "is missing"),
        ({"mounts": [{"volume": "v", "path": "data"}]}, "config.mounts[0].path", "must be absolute"),
        ({"mounts": [{"volume": "v", "path": "/"}]}, "config.mounts[0].path", "cannot be mounted on /"),
        ({"mounts": [{"volume": "v", "path": "/a/../etc"}]}, "config.mounts[0].path", "must be plain"),
        ({"mounts": [{"volume": 7, "path": "/data"}]}, "config.mounts[0].volume", "must be text, not the number 7"),
        ({"mounts": [{"volume": "a\n", "path": "/data"}]}, "config.mounts[0].volume", "control characters"),
        ({"files": [{"guest_path": "etc/x"}]}, "config.files[0].guest_path", "absolute path"),
        ({"files": [{"guest_path": "/etc/../x"}]}, "config.files[0].guest_path", "absolute path"),
        ({"files": [{"guest_path": "/x", "raw_value": "%%"}]}, "config.files[0].raw_value", "not base64"),
        ({"files": [{"guest_path": "/x", "secret_name": "S-1"}]}, "config.files[0].secret_name", "cannot be the name"),
        ({"files": [{"guest_path": "/x", "mode": 0o10000}]}, "config.files[0].mode", "from 0 to 4095"),
        ({"services": [{"internal_port": 80}]}, "config.services[0].protocol", "use one of tcp, udp"),
        ({"services": [{"protocol": "tcp"}]}, "config.services[0].internal_port", "is missing"),
        (
            {"services": [{"protocol": "tcp", "internal_port": 0}]},
            "config.services[0].internal_port",
            "from 1 to 65535",
        ),
        ({"metadata": {"a": 1}}, "config.metadata.a", "must be text, not the number 1"),
        ({"restart": {"policy": "never"}}, "config.restart.policy", "use one of no, on-failure, always"),
        ({"restart": {"max_retries": -1}}, "config.restart.max_retries", "from 0 to"),
        ({"stop_config": {"signal": "SIGFOO"}}, "config.stop_config.signal", "use one of SIGHUP"),
        ({"stop_config": {"signal": 99}}, "config.stop_config.signal", "use one of SIGHUP"),
        ({"stop_config": {"timeout": "301s"}}, "config.stop_config.timeout", "from 0s to 300s"),
        ({"stop_config": {"timeout": "soon"}}, "config.stop_config.timeout", "not a duration"),
        ({"schedule": "yearly"}, "config.schedule", "use one of hourly, daily, weekly, monthly"),
        ({"schedule": 5}, "config.schedule", "must be text"),
        ({"checks": {"up": {"type": "icmp"}}}, "config.checks.up.type", "use one of tcp, http, script"),
        ({"checks": {"up": {"type": "tcp", "port": 0}}}, "config.checks.up.port", "from 1 to 65535"),
        ({"checks": {"up": {"type": "tcp", "interval": "x"}}}, "config.checks.up.interval", "not a duration"),
        ({"processes": [{}, {}]}, "config.processes", "not supported yet"),
        ({"processes": [{"env_from": [{}]}]}, "config.processes[0].env_from", "not supported yet"),
        ({"containers": [{"name": "a"}]}, "config.containers", "not supported yet"),
        ({"rootfs": {"size_gb": 501}}, "config.rootfs.size_gb", "from 0 to 500"),
        ({"auto_destroy": "yes"}, "config.auto_destroy", "must be true or false, not text"),
    ],
)
def test_what_is_wrong_is_refused_by_field(fields: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        config_from_wire({"image": "debian:12", **fields})
    assert caught.value.field == field
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("document", [None, [], "debian:12", 5, True])
def test_a_config_is_an_object(document: object) -> None:
    with pytest.raises(Invalid, match="config must be an object"):
        config_from_wire(document)


def test_a_wrong_value_of_the_environment_is_not_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        decode(env={"TOKEN": ["hunter2"]})
    assert "hunter2" not in str(caught.value.to_json())


@given(config_documents())
def test_every_sane_document_is_understood(document: dict[str, Any]) -> None:
    config = config_from_wire(document)
    assert config.image == document["image"]
    assert config.env == (document.get("env") or {})


_KEYS = st.sampled_from(
    ["image", "env", "init", "guest", "size", "metadata", "mounts", "services", "checks", "files", "restart",
     "stop_config", "processes", "containers", "dns", "rootfs", "auto_destroy"]
)  # fmt: skip


@given(st.dictionaries(_KEYS, anything, max_size=4), st.booleans())
def test_no_document_whatever_is_a_bug(document: dict[str, Any], with_image: bool) -> None:
    try:
        config_from_wire({**document, "image": "debian:12"} if with_image else document)
    except Invalid as problem:
        assert problem.field is not None
        assert problem.field.startswith("config")
