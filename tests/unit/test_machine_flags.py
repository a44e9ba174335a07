"""Ports, mounts and the difference of two configs: what of `fly machine` is pure."""

from __future__ import annotations

from typing import Any

import pytest

from caddis.cli.machine.making.config import stand_by_for
from caddis.cli.machine.making.mounts import MountFlag, parse_mounts
from caddis.cli.machine.making.ports import services_with
from caddis.cli.machine.making.updating import difference
from caddis.domain.errors import Invalid


def service(inside: int, *ports: dict[str, Any], protocol: str = "tcp") -> dict[str, Any]:
    return {"protocol": protocol, "internal_port": inside, "ports": list(ports)}


def port(number: int, *handlers: str) -> dict[str, Any]:
    return {"port": number, "handlers": list(handlers)}


@pytest.mark.parametrize(
    ("given", "services"),
    [
        (["80"], [service(80, port(80))]),
        (["80:8080/tcp:http"], [service(8080, port(80, "http"))]),
        (["80:8080/tcp:http", "443:8080/tcp:tls:http"], [service(8080, port(80, "http"), port(443, "tls", "http"))]),
        (["53/udp"], [service(53, port(53), protocol="udp")]),
        (["53", "53/udp"], [service(53, port(53)), service(53, port(53), protocol="udp")]),
        (["8000-8010:80"], [service(80, {"start_port": 8000, "end_port": 8010, "handlers": []})]),
        (["80", "80/tcp:http"], [service(80, port(80, "http"))]),
        (["80", "80/tcp:-"], []),
    ],
)
def test_ports_become_services(given: list[str], services: list[dict[str, Any]]) -> None:
    assert services_with([], given) == services


def test_a_port_is_added_to_the_service_that_is_there_and_the_rest_of_it_stays() -> None:
    before = [{**service(80, port(80)), "autostop": False}]
    assert services_with(before, ["443:80/tcp:tls"]) == [{**service(80, port(80), port(443, "tls")), "autostop": False}]
    assert before == [{**service(80, port(80)), "autostop": False}]
    assert services_with(before, ["1:80/tcp:-"]) == []


@pytest.mark.parametrize(
    "text", ["", "x", "80:", "0", "70000", "80/sctp", "80:80:80", "80/tcp:nothing", "90-80:80", "80/tcp:http:-", "80/"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="--port"):
        services_with([], [text])


def test_a_mount_names_a_volume_by_id_or_name_and_the_last_one_for_a_path_holds() -> None:
    assert parse_mounts(["data:/data:rw"]) == [MountFlag("data", "/data")]
    assert parse_mounts(["one:/data", "vol_2:/data"]) == [MountFlag("vol_2", "/data")]
    assert [mount.is_id for mount in parse_mounts(["vol_2:/data"])] == [True]
    assert parse_mounts([]) == []


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["data"], "Can't infer volume and mount path from 'data'"),
        ([":/data"], "Can't infer volume and mount path"),
        (["data:"], "Can't infer volume and mount path"),
        (["data:data"], "must be absolute"),
        (["data:/"], "cannot be mounted on /"),
        (["a:/a", "b:/b"], "a machine mounts at most one volume"),
    ],
)
def test_what_is_no_mount_is_refused(given: list[str], complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        parse_mounts(given)


def test_a_difference_shows_what_changes_and_little_else() -> None:
    before = {"image": "web:1", "env": {"A": "1"}, "guest": {"cpus": 1}}
    assert difference(before, before) == []
    lines = difference(before, {**before, "image": "web:2"})
    assert [line for line in lines if line[0] in "+-"] == ['-  "image": "web:1"', '+  "image": "web:2"']
    assert len(lines) <= 6


def test_a_standby_knows_for_whom_and_can_be_nobody_s_again() -> None:
    config: dict[str, Any] = {"env": {"A": "1"}}
    stand_by_for(config, ["m1", "m2"])
    assert config == {"env": {"A": "1", "FLY_STANDBY_FOR": "m1,m2"}, "standbys": ["m1", "m2"]}
    stand_by_for(config, [""])
    assert config == {"env": {"A": "1"}}
