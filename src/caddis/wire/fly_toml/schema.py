"""What each key of a section may hold, read from the annotations of the shapes in config.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, auto
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


class Kind(Enum):
    """How a value is read and written."""

    TEXT = auto()
    WHOLE = auto()
    NUMBER = auto()
    TRUTH = auto()
    DURATION = auto()
    COMMAND = auto()
    TEXTS = auto()
    TEXT_MAP = auto()
    HEADERS = auto()  # texts, or lists of them, by name
    FREE = auto()  # a table in which everything may stand
    TABLE = auto()
    TABLES = auto()
    TABLE_MAP = auto()  # tables by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One key. `shape` is that of a table's entries; with `raw` they stay the documents that they are."""

    name: str
    key: str
    kind: Kind
    shape: Any = None
    raw: bool = False
    choices: tuple[str, ...] = ()


_SIMPLE: Mapping[object, Kind] = {
    str: Kind.TEXT,
    int: Kind.WHOLE,
    float: Kind.NUMBER,
    bool: Kind.TRUTH,
    tuple[str, ...]: Kind.TEXTS,
    Mapping[str, str]: Kind.TEXT_MAP,
    Mapping[str, tuple[str, ...]]: Kind.HEADERS,
    Mapping[str, Any]: Kind.FREE,
}
_MARKED: Mapping[object, Kind] = {"duration": Kind.DURATION, "command": Kind.COMMAND}


@cache
def keys_of(shape: Any) -> tuple[Known, ...]:
    """The keys of a section, in the order in which they are written."""
    hints = get_type_hints(shape, include_extras=True)
    return tuple(
        _known(field.name, field.metadata.get("key", field.name), hints[field.name])
        for field in fields(shape)
        if field.compare
    )


def _known(name: str, key: str, hint: Any) -> Known:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
    mark: Any = None
    if get_origin(hint) is Annotated:
        hint, mark = get_args(hint)
    if isinstance(mark, tuple):
        return Known(name=name, key=key, kind=Kind.TEXT, choices=mark)
    if is_dataclass(mark):
        kind = Kind.TABLES if get_origin(hint) is tuple else Kind.TABLE
        return Known(name=name, key=key, kind=kind, shape=mark, raw=True)
    if mark is not None:
        return Known(name=name, key=key, kind=_MARKED[mark])
    if hint in _SIMPLE:
        return Known(name=name, key=key, kind=_SIMPLE[hint])
    if is_dataclass(hint):
        return Known(name=name, key=key, kind=Kind.TABLE, shape=hint)
    kind = Kind.TABLES if get_origin(hint) is tuple else Kind.TABLE_MAP
    (shape,) = (one for one in get_args(hint) if is_dataclass(one))
    return Known(name=name, key=key, kind=kind, shape=shape)
