"""The text behind a configuration, so that what is wrong in it can be named by its row.

A path like "mounts[0].source" is that of the one form (patches.py); `origins` says where in the text that came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

Rows = Mapping[str, int]  # path in the text -> row from 1


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name and text."""

    name: str = "fly.toml"
    text: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)

    def row_of(self, path: str) -> int | None:
        """The row (from 1) of a path, or of the nearest thing around it that has one."""
        if not self.text:
            return None
        rows = _rows(self.text, _format(self.name))
        place = self._origin(path)
        while place and place not in rows:
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return rows.get(place)

    def where(self, path: str) -> str:
        """ "fly.toml, row 12", or the name alone."""
        row = self.row_of(path)
        return f"{self.name}, row {row}" if row else self.name

    def _origin(self, path: str) -> str:
        """The path with its longest known beginning replaced."""
        begin = path
        while begin:
            if begin in self.origins:
                return self.origins[begin] + path[len(begin) :]
            begin = begin[: max(begin.rfind("."), begin.rfind("["), 0)]
        return path


def _format(name: str) -> str:
    return "json" if name.endswith(".json") else "yaml" if name.endswith((".yaml", ".yml")) else "toml"


@lru_cache(maxsize=4)
def _rows(text: str, kind: str) -> Rows:
    read: Callable[[str], Rows]
    match kind:
        case "json":
            from caddis.wire.fly_toml.rows_json import scan as read
        case "yaml":
            from caddis.wire.fly_toml.yaml_text import scan as read
        case _:
            from caddis.wire.fly_toml.rows_toml import scan as read
    return read(text)
