"""From a folder with an app, and no Dockerfile, to a page that answers: one command each, on real machines.

An app on Node is launched in test_a_known_app.py.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_up import Running, left_behind, running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

APPS = Path(__file__).parent / "launch_apps"
ROOT = Path(__file__).parents[2]
BASES = ("python", "go", "debian", "nginx")
DEADLINE = 20.0  # seconds


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system without a journal: builds leave 100,000 small files, which a busy disk takes minutes to delete."""
    folder = tmp_path_factory.mktemp("launch")
    image, mounted = folder / "disk", folder / "mounted"
    mounted.mkdir()
    with image.open("w") as file:
        file.truncate(12 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True)
    subprocess.run(["mount", "-o", "loop,noatime", image, mounted], check=True)
    yield mounted
    subprocess.run(["umount", mounted], check=True)
    image.unlink()


@pytest.fixture(scope="module")
def up(disk: Path) -> Iterator[Running]:
    with running(hosts=1, where=disk) as server:
        # Taken from .cache if they are there: what makes them when a build asks is tested in tests/host.
        make = [sys.executable, ROOT / "packaging/base-images/make.py", *BASES, "--data", server.data]
        subprocess.run(make, check=True, capture_output=True, timeout=800)
        yield server
    assert left_behind(server.data) == []


def ask(url: str) -> str:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("app", "family", "answer"),
    [
        ("fastapi", "FastAPI", '{"hello":"from fastapi"}'),
        ("go", "Go", "hello from go\n"),
        ("static", "Static", "<!doctype html><title>hello</title><p>hello from files</p>\n"),
    ],
)
def test_a_folder_becomes_an_app_that_answers(up: Running, tmp_path: Path, app: str, family: str, answer: str) -> None:
    folder = tmp_path / f"my-{app}"
    shutil.copytree(APPS / app, folder)
    said = up.fly("launch", "--ha=false", "--vm-memory", "256", folder=folder)
    assert f"Detected a {family} app\n" in said
    assert "Wrote Dockerfile\nWrote .dockerignore\nWrote config file fly.toml\n" in said
    where = re.search(r"http://198\.18\.[0-9.]+:\d+", said)
    assert where is not None, said
    assert ask(f"{where[0]}/") == answer
    if app == "static":
        _look_at_the_web_server(up, folder, where[0])
    up.fly("apps", "destroy", f"my-{app}", "--yes", folder=folder)


def _look_at_the_web_server(up: Running, folder: Path, url: str) -> None:
    """Not root, its log on stdout, nothing that was not meant to be seen; and a second deploy serves the change."""
    assert "color: teal" in ask(f"{url}/style.css")
    for path in ("/Dockerfile", "/fly.toml", "/.dockerignore", "/nothing"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + path, timeout=10)
        refused.value.close()
        assert refused.value.code in (403, 404)
    end = time.monotonic() + DEADLINE
    while '"GET /style.css HTTP/1.1" 200' not in (log := up.fly("logs", "--no-tail", folder=folder)):
        assert time.monotonic() < end, log
    machine = json.loads(up.fly("machine", "list", "--json", folder=folder))[0]["id"]
    master = subprocess.run(["pgrep", "-f", "^nginx: master"], capture_output=True, text=True).stdout.split()
    mine = [pid for pid in master if machine in Path(f"/proc/{pid}/cgroup").read_text()]
    assert mine and all(Path(f"/proc/{pid}").stat().st_uid != 0 for pid in mine)
    (folder / "index.html").write_text("second")
    up.fly("deploy", folder=folder)
    assert ask(f"{url}/") == "second"
