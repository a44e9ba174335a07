"""Process groups and sizes of fly.toml."""

from __future__ import annotations

import pytest

from caddis.domain.errors import Invalid
from caddis.domain.machine import Guest
from caddis.wire.fly_toml.config import (
    Check,
    Deploy,
    FileSection,
    FlyToml,
    HttpService,
    Mount,
    RestartSection,
    Service,
    Vm,
)
from caddis.wire.fly_toml.groups import (
    default_group,
    group_names,
    guest_for,
    guest_of,
    has_services,
    mounts_for,
)
from caddis.wire.fly_toml.machine import Deployed, to_machine_config
from caddis.wire.fly_toml.sizes import parse_gb, parse_mb
from caddis.wire.fly_toml.validate import validate

TWO = FlyToml(processes={"worker": "./w", "db": "./d"})


@pytest.mark.parametrize(("value", "mounts", "said"), [("real", True, "only value"), ("fork", False, "needs [mounts]")])
def test_the_volume_of_the_release_command_is_a_fork_or_none(value: str, mounts: bool, said: str) -> None:
    config = FlyToml(
        app="a",
        deploy=Deploy(release_command="x", release_command_volume=value),
        mounts=(Mount(source="data", destination="/data"),) if mounts else (),
    )
    (found,) = [one for one in validate(config) if one.key == "deploy.release_command_volume"]
    assert found.level == "error" and said in found.message


def test_without_processes_there_is_one_group() -> None:
    assert group_names(FlyToml()) == ("app",)
    assert default_group(FlyToml()) == "app"


def test_the_default_group_is_app_else_the_first_by_name() -> None:
    assert default_group(TWO) == "db"
    assert default_group(FlyToml(processes={"a": "", "app": ""})) == "app"


def test_a_section_without_processes_is_for_the_default_group_only() -> None:
    mount = Mount(source="data", destination="/data")
    config = FlyToml(processes=TWO.processes, mounts=(mount,))
    assert mounts_for(config, "db") == (mount,)
    assert mounts_for(config, "worker") == ()


def test_a_size_without_processes_is_for_all_groups_and_a_named_one_wins() -> None:
    config = FlyToml(processes=TWO.processes, vm=(Vm(size="shared-cpu-2x", processes=("db",)), Vm(memory="1gb")))
    assert guest_for(config, "db") == Guest(cpus=2, memory_mb=512)
    assert guest_for(config, "worker") == Guest(memory_mb=1024)
    assert guest_for(FlyToml(), "app") is None


@pytest.mark.parametrize(
    ("vm", "guest"),
    [
        (Vm(), Guest()),
        (Vm(size="performance-1x"), Guest(cpu_kind="performance", cpus=1, memory_mb=2048)),
        (Vm(size="shared-cpu-1x", memory="512mb"), Guest(memory_mb=512)),
        (Vm(cpus=4), Guest(cpus=4, memory_mb=1024)),
        (Vm(cpu_kind="performance"), Guest(cpu_kind="performance", memory_mb=2048)),
        (Vm(memory="1gb", memory_mb=512), Guest(memory_mb=512)),
    ],
)
def test_a_size_may_be_said_in_parts(vm: Vm, guest: Guest) -> None:
    assert guest_of(vm) == guest


@pytest.mark.parametrize(
    ("text", "size"), [("10", 10), ("10gb", 10), ("1.5GB", 1), ("2GiB", 2), ("1tb", 1000), ("500MB", 0)]
)
def test_the_size_of_a_mount_is_decimal_gb(text: str, size: int) -> None:
    assert parse_gb(text, field="x") == size


@pytest.mark.parametrize(("text", "size"), [("512", 512), ("1gb", 1024), ("512mb", 512), ("2GiB", 2048)])
def test_the_memory_of_a_machine_is_binary_mb(text: str, size: int) -> None:
    assert parse_mb(text, field="x") == size


@pytest.mark.parametrize("text", ["", "abc", "-1", "9" * 400, "1e999"])
def test_what_is_no_size_is_refused(text: str) -> None:
    for parse in (parse_gb, parse_mb):
        with pytest.raises(Invalid):
            parse(text, field="x")


def test_groups_with_services_are_known() -> None:
    config = FlyToml(processes=TWO.processes, http_service=HttpService(internal_port=1, processes=("worker",)))
    assert has_services(config, "worker")
    assert not has_services(config, "db")
    assert has_services(FlyToml(services=(Service(internal_port=1),)), "app")


def test_the_environment_of_the_platform_wins() -> None:
    config = FlyToml(primary_region="lhr", env={"PRIMARY_REGION": "mine", "A": "1"})
    document = to_machine_config(config, "app", Deployed(image="a:1"))
    assert document["env"] == {"A": "1", "PRIMARY_REGION": "lhr", "FLY_PROCESS_GROUP": "app"}


def test_the_last_restart_section_wins_and_never_is_spelled_no() -> None:
    config = FlyToml(restart=(RestartSection(policy="always"), RestartSection(policy="never")))
    assert to_machine_config(config, "app", Deployed(image="a:1"))["restart"] == {"policy": "no"}


def test_a_local_file_that_was_not_read_is_named() -> None:
    config = FlyToml(files=(FileSection(guest_path="/x", local_path="conf/x"),))
    with pytest.raises(Invalid, match="could not read file conf/x"):
        to_machine_config(config, "app", Deployed(image="a:1"))


def test_files_go_to_the_groups_that_they_name() -> None:
    config = FlyToml(
        processes=TWO.processes,
        files=(
            FileSection(guest_path="/a", raw_value="a"),
            FileSection(guest_path="/b", raw_value="b", processes=("db",)),
        ),
    )
    paths = [file["guest_path"] for file in to_machine_config(config, "worker", Deployed(image="a:1"))["files"]]
    assert paths == ["/a"]


def test_a_check_without_any_port_is_refused() -> None:
    config = FlyToml(checks={"up": Check(type="tcp")})
    with pytest.raises(Invalid, match=r"checks\.up\.port is missing"):
        to_machine_config(config, "app", Deployed(image="a:1"))


def test_a_canary_may_be_deployed_to_groups_without_volumes() -> None:
    config = FlyToml(
        processes=TWO.processes,
        deploy=Deploy(strategy="canary"),
        mounts=(Mount(source="data", destination="/data", processes=("db",)),),
    )
    assert [found.key for found in validate(config)] == ["deploy.strategy"]
    assert validate(config, groups=["worker"]) == []
