"""TiddlyWiki as npm has it, in a folder with nothing but a package.json: what docs/guide/three-apps.md does by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_up import Running, left_behind, running
from tiny_image import make_tiny_image

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
DEADLINE = 20.0  # seconds
START = "{ test -e /data/tiddlywiki.info || tiddlywiki /data --init server; } && exec tiddlywiki /data --listen"
PACKAGE = {
    "name": "notes",
    "private": True,
    "dependencies": {"tiddlywiki": "5.3.8"},  # the last that runs on the base image's Node
    "scripts": {"start": f"{START} host=0.0.0.0 port=3000"},
}
CHECK = '\n[checks.alive]\n  type = "http"\n  port = 3000\n  path = "/status"\n  interval = "2s"\n  timeout = "1s"\n'


class Wiki:
    """The app, as those who use it see it."""

    def __init__(self, up: Running, folder: Path) -> None:
        self.up, self.folder = up, folder

    def fly(self, *words: str, code: int = 0) -> str:
        return self.up.fly(*words, folder=self.folder, code=code)

    def volumes(self) -> dict[str, str]:
        """By machine: the file behind what is mounted at /data. The kernel is asked."""
        found = {}
        for machine in self.fly("machine", "list", "-q").split():
            said = self.fly("ssh", "console", "--machine", machine, "-C", "cat /proc/mounts")
            device = next(line.split()[0] for line in said.splitlines() if line.split()[1] == "/data")
            found[machine] = Path(f"/sys/block/{Path(device).name}/loop/backing_file").read_text().strip()
        return found

    def zones(self) -> list[str]:
        return [one["zone"] for one in json.loads(self.fly("volumes", "list", "--json")) if one["attached_machine_id"]]

    def urls(self, said: str) -> dict[str, str]:
        """By machine, where a deploy said that it is reached."""
        return dict(re.findall(r"^  ([0-9a-f]{14})  (http://\S+)$", said, re.MULTILINE))


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    with running(hosts=2, pool_size="5G") as server:
        make = [sys.executable, ROOT / "packaging/base-images/make.py", "node", "--data", server.data]
        subprocess.run(make, check=True, capture_output=True, timeout=300)
        yield server
    assert left_behind(server.data) == []


def ask(url: str, body: dict[str, str] | None = None) -> str:
    """GET, or PUT of `body`; repeated until the server listens."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Requested-With": "TiddlyWiki", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method="PUT" if data else "GET")
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.1)


def write(url: str, title: str) -> None:
    ask(f"{url}/recipes/default/tiddlers/{title}", {"title": title, "text": f"about {title}"})


def titles(url: str) -> set[str]:
    """Of what was written; those that begin with $ are the wiki's own."""
    found = json.loads(ask(f"{url}/recipes/default/tiddlers.json"))
    return {one["title"] for one in found if not one["title"].startswith("$")}


def settled(url: str, wanted: set[str]) -> None:
    """The wiki writes files a moment after it answered; a stop lets it finish, and a start reads them."""
    end = time.monotonic() + DEADLINE
    while (now := titles(url)) != wanted:
        assert time.monotonic() < end, f"{now} and not {wanted}"
        time.sleep(0.1)


def test_a_wiki_is_launched_redeployed_scaled_and_rolled_back_with_its_data(up: Running, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps(PACKAGE))
    wiki = Wiki(up, folder)
    said = wiki.fly("launch", "--yes", "--name", "notes", "--volume", "notes_data:/data", "--vm-memory", "512")
    assert "Detected a Node app" in said
    ((first, url),) = wiki.urls(said).items()
    assert url.startswith("http://198.18."), "it listens on IPv4 only, so that is the address to tell"
    write(url, "bees")

    (folder / "fly.toml").write_text((folder / "fly.toml").read_text() + CHECK)
    said = wiki.fly("deploy", "--env", "WORD=two")
    assert "is waited for to become healthy: 1/1" in said and wiki.urls(said) == {first: url}
    settled(url, {"bees"})
    write(url, "wasps")

    wiki.fly("scale", "count", "2", "--yes")
    before = wiki.volumes()
    assert len(set(before.values())) == len(set(wiki.zones())) == 2
    both = json.loads(wiki.fly("machine", "list", "--json"))
    (second,) = (f"http://{one['private_ipv4']}:3000" for one in both if one["id"] != first)
    assert titles(second) == set(), "each machine has its own data"
    assert titles(url) == {"bees", "wasps"}

    said = wiki.fly("releases", "rollback", "v1", "--with-data", "--yes")
    after = wiki.volumes()
    kept = {volume for machine, volume in before.items() if machine != first}  # no release has touched it since
    assert len(after) == 2 and set(after.values()) & set(before.values()) == kept
    assert sorted(tuple(titles(url)) for url in wiki.urls(said).values()) == [(), ("bees",)]
    assert len(set(wiki.zones())) == 2
    wiki.fly("apps", "destroy", "notes", "--yes")


def test_a_server_that_listens_and_then_fails_is_no_good_deploy(up: Running, tmp_path: Path) -> None:
    """As gunicorn does whose worker cannot be loaded."""
    script = "httpd -f -p 8080 & sleep 1; exit 3"
    image = make_tiny_image(tmp_path, name="brief", cmd=("sh", "-c", script))
    toml = 'app = "brief"\nprimary_region = "lhr"\n[http_service]\n  internal_port = 8080\n'
    (tmp_path / "fly.toml").write_text(toml)
    up.fly("apps", "create", "brief", folder=tmp_path)
    said = up.fly("deploy", "--image", image, "--ha=false", folder=tmp_path, code=1)
    assert "the app appears to be crashing (exit code 3)" in said
    up.fly("apps", "destroy", "brief", "--yes", folder=tmp_path)
