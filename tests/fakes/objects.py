"""Stores in memory, and stores that stop, die or are interfered with at a chosen call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from caddis.backups.objects import Objects, Stored, check_name
from caddis.domain.errors import Problem


class MemoryObjects:
    """Objects in a dictionary that tests may damage; `written` are the names that were put, in order."""

    where = "memory://store"

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.written: list[str] = []
        self.next_problem: dict[str, Problem] = {}  # by verb; comes once
        self._lock = threading.Lock()

    def put(self, name: str, content: bytes) -> None:
        self._fail("put")
        with self._lock:
            self.contents[check_name(name)] = bytes(content)
            self.written.append(name)

    def put_new(self, name: str, content: bytes) -> bool:
        self._fail("put_new")
        with self._lock:
            if check_name(name) in self.contents:
                return False
            self.contents[name] = bytes(content)
            self.written.append(name)
            return True

    def find(self, name: str) -> bytes | None:
        self._fail("find")
        return self.contents.get(check_name(name))

    def exists(self, name: str) -> bool:
        self._fail("exists")
        return check_name(name) in self.contents

    def list_objects(self, folder: str) -> Iterator[Stored]:
        self._fail("list_objects")
        with self._lock:
            found = sorted((name, len(content)) for name, content in self.contents.items())
        for name, size in found:
            if name.startswith(check_name(folder) + "/"):
                yield Stored(name, size)

    def delete(self, name: str) -> None:
        self._fail("delete")
        with self._lock:
            self.contents.pop(check_name(name), None)

    def _fail(self, verb: str) -> None:
        if verb in self.next_problem:
            raise self.next_problem.pop(verb)


class Died(BaseException):
    """The host lost its power: nothing of it reaches the store any more, not even its tidying up."""


class Interfered:
    """Another store, where before call number `at` (from 0) `action` happens, once. `calls` counts."""

    def __init__(self, inner: Objects, at: int, action: Callable[[], object]) -> None:
        self.calls = 0
        self._inner, self._at, self._action = inner, at, action
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        return self._inner.where

    def put(self, name: str, content: bytes) -> None:
        self._count()
        self._inner.put(name, content)

    def put_new(self, name: str, content: bytes) -> bool:
        self._count()
        return self._inner.put_new(name, content)

    def find(self, name: str) -> bytes | None:
        self._count()
        return self._inner.find(name)

    def exists(self, name: str) -> bool:
        self._count()
        return self._inner.exists(name)

    def list_objects(self, folder: str) -> Iterator[Stored]:
        self._count()
        return self._inner.list_objects(folder)

    def delete(self, name: str) -> None:
        self._count()
        self._inner.delete(name)

    def _count(self) -> None:
        with self._lock:
            now, self.calls = self.calls, self.calls + 1
        if now == self._at:
            self._action()


class Dying(Interfered):
    """Another store, whose host dies before call number `at`: that call and all later ones raise Died."""

    def __init__(self, inner: Objects, at: int) -> None:
        super().__init__(inner, at, lambda: None)

    def _count(self) -> None:
        with self._lock:
            now, self.calls = self.calls, self.calls + 1
        if now >= self._at:
            raise Died
