"""The examples as they stand: built on a base of Debian's packages, and run."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from caddis.images.store import ImageStore

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
GUESTBOOK = ROOT / "examples" / "guestbook"


def test_the_guestbook_is_built_on_a_base_made_of_debians_packages(tmp_path: Path) -> None:
    make = [sys.executable, str(ROOT / "packaging/base-images/make.py"), "python", "--data", str(tmp_path)]
    said = subprocess.run(make, check=True, capture_output=True, text=True, timeout=280).stdout
    assert said == "python\tregistry.caddis.internal/base/python:3.11\n"
    store = ImageStore(tmp_path / "images")
    context = tmp_path / "context.tar"
    with tarfile.open(context, "w") as tar:
        tar.add(GUESTBOOK, ".")
    tag = "registry.caddis.internal/guestbook:2"
    store.build(str(context), tag=tag, options={"build_args": {"RELEASE": "2"}}, on_line=lambda _: None)
    config = store.ensure(tag)
    root = store.rootfs(config.digest)
    assert (config.env["RELEASE"], config.workdir) == ("2", "/app")
    check = "import http.server, sqlite3; print(sqlite3.connect(':memory:').execute('select 6 * 7').fetchone()[0])"
    answered = subprocess.run(["chroot", root, "python3", "-c", check], capture_output=True, text=True, check=True)
    assert answered.stdout == "42\n"


@contextmanager
def _guestbook(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "GUESTBOOK_DATABASE": str(folder / "data/guestbook.db"), "PORT": str(port)}
    program = [sys.executable, str(GUESTBOOK / "guestbook.py")]
    child = subprocess.Popen(program, env={**environment, "RELEASE": "<7>"}, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert "listens on port" in child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.communicate()


def _ask(port: int, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    data = None if form is None else urllib.parse.urlencode(form).encode()
    end = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=data, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except (urllib.error.URLError, http.client.RemoteDisconnected):
            assert time.monotonic() < end


def test_what_was_signed_survives_a_kill_and_is_shown_escaped(tmp_path: Path, free_port: int) -> None:
    with _guestbook(tmp_path, free_port) as child:
        assert _ask(free_port, "/", {"name": "<b>Ada", "message": "Hé & you"})[0] == 200
        child.kill()
    with _guestbook(tmp_path, free_port):
        page = _ask(free_port, "/")[1]
        assert "&lt;b&gt;Ada" in page and "<b>Ada" not in page and "Release &lt;7&gt;" in page and "1 signed" in page
        entry = json.loads(_ask(free_port, "/entries")[1])["entries"][0]
        assert (entry["name"], entry["message"]) == ("<b>Ada", "Hé & you")


def test_what_is_no_signature_is_refused(tmp_path: Path, free_port: int) -> None:
    with _guestbook(tmp_path, free_port):
        assert _ask(free_port, "/", {"name": "Ada"})[0] == 422
        assert _ask(free_port, "/", {"name": "Ada", "message": "x" * 3000})[0] == 422
        assert _ask(free_port, "/", {"name": "Ada", "message": "x" * 20000})[0] == 413
        assert _ask(free_port, "/nowhere")[0] == 404
        assert _ask(free_port, "/healthz") == (200, "ok\n")
        assert json.loads(_ask(free_port, "/entries")[1])["entries"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_book_is_closed_when_the_machine_stops(tmp_path: Path, free_port: int, number: int) -> None:
    with _guestbook(tmp_path, free_port) as child:
        _ask(free_port, "/", {"name": "Ada", "message": "x"})
        child.send_signal(number)
        assert child.wait(timeout=20) == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["guestbook.db"]


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
