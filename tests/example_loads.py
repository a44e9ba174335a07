"""The example apps and what writes to them all the while, counting what was acknowledged.

Each load writes 1, 2, 3 … one after the other, so a copy is whole when it has 1 to n, with n at least what was
acknowledged before the copy's instant.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import httpx2

from real_calls import Calls
from real_machines import wait_until

PAUSE = 0.01  # seconds between two writes: other tests have the processors too
_AS_POSTGRES = "setpriv --reuid=postgres --regid=postgres --init-groups --"
_PSQL = f"{_AS_POSTGRES} psql -h /run/postgresql -U postgres -qtA"
_BEGIN = f"""
cd /tmp && {_AS_POSTGRES} pgbench -h /run/postgresql -U postgres -i -q -s 1 2>/dev/null
{_PSQL} -c 'CREATE TABLE counted (number serial PRIMARY KEY)'
touch /tmp/counted
{_AS_POSTGRES} pgbench -h /run/postgresql -U postgres -n -c 1 -R 50 -T 600 > /tmp/bench 2>&1 &
insert() {{ while sleep {PAUSE}; do echo 'INSERT INTO counted DEFAULT VALUES RETURNING number;'; done; }}
(insert | {_PSQL} > /tmp/counted) > /tmp/broken 2>&1 &
"""
# Every page of every table is read on the way; what pgbench moves about must add up.
_SUMS = """
SELECT sum(abalance) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history) FROM pgbench_accounts;
SELECT count(*) = max(number), max(number) FROM counted;
"""
_BOOK = """
import json, sqlite3
database = sqlite3.connect("/data/guestbook.db")
whole = database.execute("PRAGMA integrity_check").fetchall()
print(json.dumps([whole, [row[0] for row in database.execute("SELECT message FROM entry ORDER BY id")]]))
"""


class Load(Protocol):
    """Something that goes on writing."""

    def acknowledged(self) -> int:
        """The number of the latest write that is known to be on disk."""


class Example(Protocol):
    """An example app: how it is launched, written to and looked into."""

    folder: str
    base: str
    port: int
    config: str

    def load(self, calls: Calls, machine: str) -> Load:
        """Begin to write, as a context manager."""

    def counted(self, calls: Calls, machine: str) -> int:
        """How many writes its database has; fails the test if it is not whole."""


class Guestbook:
    """SQLite, signed over HTTP."""

    folder, base, port = "guestbook", "python", 8080
    config = '\n[mounts]\nsource="book"\ndestination="/data"\n'

    @contextmanager
    def load(self, calls: Calls, machine: str) -> Iterator[Load]:
        with _Signing(_url(calls, machine)) as signing:
            yield signing

    def counted(self, calls: Calls, machine: str) -> int:
        url = _url(calls, machine)
        wait_until(lambda: _is_well(url), f"the guestbook of {machine} answers")
        whole, messages = json.loads(calls.shell(machine, f"python3 -c '{_BOOK}'"))
        assert whole == [["ok"]]
        assert messages == [str(number) for number in range(1, len(messages) + 1)]
        return len(messages)


class _Signing:
    """A thread that signs, and is gone at the end of the block."""

    def __init__(self, url: str) -> None:
        self._url, self._end = url, threading.Event()
        self._acknowledged, self._problem = 0, ""
        self._thread = threading.Thread(target=self._sign)

    def __enter__(self) -> _Signing:
        wait_until(lambda: _is_well(self._url), "the guestbook answers")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def acknowledged(self) -> int:
        assert not self._problem
        return self._acknowledged

    def _sign(self) -> None:
        with httpx2.Client(timeout=30) as client:
            while not self._problem and not self._end.wait(PAUSE):
                number = self._acknowledged + 1
                try:
                    answer = client.post(self._url, data={"name": "Ada", "message": str(number)})
                except httpx2.TransportError as error:
                    self._problem = f"signature {number}: {error!r}"
                    return
                if answer.status_code != 303:
                    self._problem = f"signature {number}: {answer.status_code} {answer.text}"
                    return
                self._acknowledged = number


class Postgres:
    """PostgreSQL: pgbench, and beside it one that counts."""

    folder, base, port = "postgres", "postgres", 5432
    config = '\n[mounts]\nsource="pg"\ndestination="/data"\n\n[env]\nPOSTGRES_PASSWORD="secret"\n'

    @contextmanager
    def load(self, calls: Calls, machine: str) -> Iterator[Load]:
        self._await(calls, machine)
        calls.shell(machine, _BEGIN)
        yield _Inserting(calls, machine)

    def counted(self, calls: Calls, machine: str) -> int:
        self._await(calls, machine)
        sums, counts = calls.shell(machine, f"{_PSQL} <<'END'\n{_SUMS}END").split()
        assert sums == "t"
        whole, number = counts.split("|")
        assert whole == "t"
        return int(number)

    def _await(self, calls: Calls, machine: str) -> None:
        ready = f"{_PSQL} -c 'SELECT 1' 2>/dev/null || echo no"
        wait_until(lambda: calls.shell(machine, ready).strip() == "1", f"PostgreSQL of {machine} answers")


class _Inserting:
    def __init__(self, calls: Calls, machine: str) -> None:
        self._calls, self._machine = calls, machine

    def acknowledged(self) -> int:
        said = self._calls.shell(self._machine, "cat /tmp/broken; tail -n 1 /tmp/counted").strip()
        return int(said or 0)


def _url(calls: Calls, machine: str) -> str:
    return f"http://[{calls.machine(machine)['private_ip']}]:{Guestbook.port}/"


def _is_well(url: str) -> bool:
    try:
        return httpx2.get(f"{url}healthz", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False
