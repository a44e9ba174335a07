"""Bodies that are too large, too slow or not JSON, and paths that do not exist."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_api import ApiServer, run_api

pytestmark = pytest.mark.host

_LARGE = 100 << 20
_PART = bytes(1 << 20)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with run_api(tmp_path_factory.mktemp("api"), ("a", "z1", "lhr")) as server:
        server.http.post("/v1/apps", json={"name": "web"}).raise_for_status()
        yield server


def _peak_mib(api: ApiServer) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{api.pid}/status").read_text())
    assert found
    return int(found[1]) >> 10


def _parts(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield _PART


def test_a_100_mb_body_is_refused_plainly_and_never_held(api: ApiServer) -> None:
    before = _peak_mib(api)
    answer = api.http.post("/v1/apps/web/volumes", content=bytes(_LARGE))
    assert answer.status_code == 413 and "larger than 8 MiB" in answer.json()["error"]
    assert _peak_mib(api) < before + 20


def test_a_100_mb_body_without_a_length_is_refused_too(api: ApiServer) -> None:
    before = _peak_mib(api)
    answer = api.http.post("/v1/apps/web/volumes", content=_parts(100))
    assert answer.status_code == 413 and "larger than 8 MiB" in answer.json()["error"]
    assert _peak_mib(api) < before + 20


def test_a_large_body_without_a_token_is_refused_for_the_token(api: ApiServer) -> None:
    assert api.ask("POST", "/v1/apps/web/volumes", token="", content=bytes(_LARGE)).status_code == 401


def test_the_server_says_too_large_before_it_was_sent(api: ApiServer) -> None:
    host, port = api.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"POST /v1/apps/web/volumes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {api.user_token}\r\n"
            f"content-length: {_LARGE}\r\nexpect: 100-continue\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_body_just_below_the_limit_is_read(api: ApiServer) -> None:
    padded = b'{"name": "", "pad": "' + b"x" * ((8 << 20) - 100) + b'"}'
    assert api.http.post("/v1/apps/web/volumes", content=padded).status_code == 422


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b"\xff\xfe", b"{'a': 1}", b"[" * 100_000])
def test_what_is_no_json_object_is_refused_with_a_sentence(api: ApiServer, body: bytes) -> None:
    answer = api.http.post("/v1/apps/web/machines", content=body)
    assert answer.status_code == 400 and "JSON" in answer.json()["error"]
    assert len(api.agents["a"].machines) == 0


def test_json_that_is_passed_on_is_checked_first(api: ApiServer) -> None:
    made = api.http.post("/v1/apps/web/machines", json={"config": {"image": "i"}}).json()
    answer = api.http.post(f"/v1/apps/web/machines/{made['id']}/exec", content=b"{")
    assert answer.status_code == 400
    assert not any(path.endswith("/exec") for _, path, _ in api.agents["a"].orders)
    api.http.delete(f"/v1/apps/web/machines/{made['id']}?kill=true").raise_for_status()


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/apps/web/nothing", "/api/v1/x/y"])
def test_unknown_paths_are_told_in_json(api: ApiServer, path: str) -> None:
    answer = api.http.get(path)
    assert answer.status_code == 404 and path in answer.json()["error"]


def test_a_wrong_method_is_told_in_json(api: ApiServer) -> None:
    answer = api.http.put("/v1/apps")
    assert answer.status_code == 405 and "PUT" in answer.json()["error"] and answer.headers["allow"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=abc"], ids=lambda query: query.replace("=", " is "))
def test_a_limit_that_is_no_number_is_refused(api: ApiServer, query: str) -> None:
    assert api.http.get(f"/v1/apps/web/machines?{query}").status_code == 400


def test_a_build_context_is_streamed_to_a_host_and_its_lines_come_back(api: ApiServer) -> None:
    before = _peak_mib(api)
    with api.http.stream(
        "POST", "/v1/apps/web/builds?build_arg=A=1&build_arg=B=2&dockerfile=Dockerfile", content=_parts(100)
    ) as answer:
        lines = list(answer.iter_lines())
    assert lines == ["STEP 1: FROM scratch", '{"image": "registry.local/web:1"}']
    assert answer.headers["content-type"].startswith("text/plain")
    assert api.agents["a"].context_bytes == _LARGE
    assert _peak_mib(api) < before + 20


def test_a_build_context_beyond_the_limit_is_refused_before_it_is_sent(api: ApiServer) -> None:
    told = f"authorization: Bearer {api.user_token}\r\ncontent-length: {(2 << 30) + 1}\r\nexpect: 100-continue\r\n"
    host, port = api.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"POST /v1/apps/web/builds HTTP/1.1\r\nhost: x\r\n{told}\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")
