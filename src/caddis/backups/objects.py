"""What a store of objects must be able to do, whatever it is made of.

Names are lowercase words joined by slashes. A store is strongly consistent: what was put is found, and listed, at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from caddis.domain.errors import Invalid, Problem

_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*\Z")


class StoreFailed(Problem):
    """The store for kept snapshots cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a list shows it; `size` in bytes, as stored."""

    name: str
    size: int


class Objects(Protocol):
    """Every verb raises StoreFailed, or Unreachable when nothing answered before the deadline; never a half-truth."""

    @property
    def where(self) -> str:
        """As shown to people; holds no secret."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """The object has this content, durably, whatever it had before."""
        ...

    def put_new(self, name: str, content: bytes) -> bool:
        """Like `put`, but False, changing nothing, where the name is taken. Of two callers one wins."""
        ...

    def find(self, name: str) -> bytes | None:
        """The content, or None if there is no such object."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is such an object; cheaper than `find`."""
        ...

    def list_objects(self, folder: str) -> Iterator[Stored]:
        """Every object whose name begins with `folder` and a slash."""
        ...

    def delete(self, name: str) -> None:
        """Ensure that there is no such object."""
        ...


def check_name(name: str) -> str:
    """The name itself; Invalid unless it is lowercase words joined by slashes, none beginning with a dot."""
    if not _NAME.match(name):
        raise Invalid(f"{name!r} cannot be the name of an object in a store")
    return name
