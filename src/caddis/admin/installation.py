"""One installation: a data folder with an id of its own. What is where in it, and who holds it just now.

DATA/instance             8 hex digits, the installation's short id
DATA/settings.toml        what `caddis up` was told, for the next `caddis up`
DATA/token                the operator's API token (0600)
DATA/catalog.key          what opens the apps' secrets in the catalog (0600)
DATA/api.address          where the API listens, written by the API
DATA/up.lock              held by the `caddis up` that runs; its pid
DATA/logs/<program>.log   what the API and the agents say
DATA/hosts/<host>/        one agent's book, pool and keys
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caddis.domain.errors import Conflict, Invalid, NotFound, Refused

DEFAULT_DATA = Path("/var/lib/caddis")
_INSTANCE = re.compile(r"[0-9a-f]{8}\Z")
_HOST = re.compile(r"h[0-9]+\Z")


class Installation:
    """`data` need not exist yet."""

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()

    def ensure(self) -> None:
        """Make the data folder, readable by its owner alone, and give it an id. Refused, plainly, if that cannot be."""
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.data.chmod(0o700)
            (self.data / "logs").mkdir(mode=0o700, exist_ok=True)
            if not (self.data / "instance").exists():
                write_private(self.data / "instance", secrets.token_hex(4) + "\n")
        except OSError as refused:
            raise Refused(
                f"cannot keep data in {self.data}: {refused.strerror}",
                hint="choose another folder: caddis up --data DIR",
            ) from refused

    def require(self) -> None:
        """NotFound unless there is an installation in the folder."""
        if not (self.data / "instance").exists():
            raise NotFound(
                f"there is no Caddis installation in {self.data}",
                hint="caddis up makes one; --data names another folder",
            )

    @property
    def is_default(self) -> bool:
        """Whether commands find it without --data."""
        return self.data == DEFAULT_DATA

    @property
    def id(self) -> str:
        """The short id; NotFound when there is none, Invalid when it was tampered with."""
        self.require()
        text = (self.data / "instance").read_text().strip()
        if not _INSTANCE.match(text):
            raise Invalid(f"{self.data / 'instance'} does not hold 8 hex digits")
        return text

    def list_hosts(self) -> list[str]:
        """The hosts that have a folder here, h1 first."""
        folder = self.data / "hosts"
        names = [entry.name for entry in folder.iterdir() if _HOST.match(entry.name)] if folder.exists() else []
        return sorted(names, key=lambda name: int(name[1:]))

    def find_url(self) -> str | None:
        """The URL by which this computer reaches the API, or did when it last ran."""
        try:
            address = (self.data / "api.address").read_text().strip()
        except FileNotFoundError:
            return None
        host, _, port = address.removeprefix("http://").rpartition(":")
        everywhere = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}
        return f"http://{everywhere.get(host, host)}:{port}" if port else None

    def find_token(self) -> str | None:
        """The operator's token."""
        try:
            return (self.data / "token").read_text().strip()
        except FileNotFoundError:
            return None

    def find_holder(self) -> int | None:
        """The pid of the `caddis up` that runs on this data, or None."""
        try:
            with (self.data / "up.lock").open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read().strip() or 0)
        except FileNotFoundError:
            pass
        return None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only one that runs programs on this data; Conflict, naming the holder, when someone else does."""
        with open(self.data / "up.lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise Conflict(
                    f"caddis up already runs on {self.data}, as process {file.read().strip()}",
                    hint=f"end that one with Ctrl-C, or: caddis down --data {self.data}",
                ) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield


def zones(instance: str, hosts: int, named: str) -> list[str]:
    """A zone for each host: `named` (with a number when there are several), else 4 hex digits that differ."""
    if named:
        return [named] if hosts == 1 else [f"{named}-{number}" for number in range(1, hosts + 1)]
    chosen: list[str] = []
    for number in range(1, hosts + 1):
        digest = hashlib.sha256(f"{instance}/h{number}".encode()).hexdigest()
        chosen.append(next(zone for i in range(60) if (zone := digest[i : i + 4]) not in chosen))
    return chosen


def write_private(path: Path, text: str) -> None:
    """Put `text` there in one step, on disk and readable by its owner alone."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
