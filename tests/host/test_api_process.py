"""The API as a process: where it listens, and what it says when it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from caddis.api.main import _listen
from real_api import run_api

pytestmark = pytest.mark.host


def test_connections_are_told_not_to_wait_for_acknowledgements() -> None:
    with _listen("127.0.0.1:0") as door:
        assert door.proto == socket.IPPROTO_TCP  # which is how asyncio knows that TCP_NODELAY makes sense


def test_the_address_file_says_where_it_listens(tmp_path: Path) -> None:
    with run_api(tmp_path) as api:
        assert api.http.get("/healthz").status_code == 200
        assert (tmp_path / "data" / "api.address").read_text() == api.address.removeprefix("http://") + "\n"


@pytest.mark.parametrize("listen", ["4280", "127.0.0.1:", "127.0.0.1:x", ":1", "127.0.0.1:99999"])
def test_a_bad_address_is_refused_in_a_sentence(tmp_path: Path, listen: str) -> None:
    _refuses(tmp_path, listen, "is not an address to listen on")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with _listen("127.0.0.1:0") as door:
        _refuses(tmp_path, f"127.0.0.1:{door.getsockname()[1]}", "cannot listen on 127.0.0.1")


def _refuses(folder: Path, listen: str, words: str) -> None:
    command = [sys.executable, "-m", "caddis.api", "--data", str(folder), "--listen", listen]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1 and words in ended.stderr and "Traceback" not in ended.stderr


def test_what_is_kept_outlives_the_process(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with run_api(tmp_path / "one") as api:
        api.http.post("/v1/apps", json={"name": "web"}).raise_for_status()
        token = api.user_token
    data = tmp_path / "one" / "data"
    (tmp_path / "two").mkdir()
    data.rename(tmp_path / "two" / "kept")
    with run_api(tmp_path / "two", data="kept") as api:
        assert api.ask("GET", "/v1/apps/web", token=token).status_code == 401  # bootstrapped anew: the old token ended
        assert api.http.get("/v1/apps/web").status_code == 200
