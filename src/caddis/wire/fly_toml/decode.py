"""A patched fly.toml document to values. A wrong type counts as absent and is told; unknown keys are tolerated."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from caddis.domain.errors import Invalid
from caddis.wire.duration import parse_duration
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.findings import Fault
from caddis.wire.fly_toml.schema import Kind, Known, keys_of
from caddis.wire.reading import Reader, kind_of

T = TypeVar("T")
_LIMIT = 2**31


def decode(document: Mapping[str, Any]) -> tuple[FlyToml, tuple[Fault, ...]]:
    """The values of a document that patches.py has brought to the one form, and every wrong type in it."""
    faults: list[Fault] = []
    config: FlyToml = _Decoder(faults).table(FlyToml, Reader(document))
    return config, tuple(faults)


class _Decoder:
    """Reads shapes; notes what is wrong and reads on."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults

    def table(self, shape: Any, reader: Reader) -> Any:
        """One section."""
        values = {known.name: self._value(known, reader) for known in keys_of(shape) if reader.has(known.key)}
        return shape(**{name: value for name, value in values.items() if value is not None})

    def _value(self, known: Known, reader: Reader) -> Any:
        """What stands under one key, None when that is wrong."""
        key = known.key
        match known.kind:
            case Kind.TEXT if known.choices:
                return self._try(lambda: reader.choice(key, known.choices, "") if reader.text(key) else "")
            case Kind.TEXT:
                return self._try(lambda: reader.text(key))
            case Kind.WHOLE:
                return self._try(lambda: reader.find_whole(key, low=-_LIMIT, high=_LIMIT))
            case Kind.NUMBER:
                return self._try(lambda: reader.find_number(key))
            case Kind.TRUTH:
                return self._try(lambda: reader.find_truth(key))
            case Kind.DURATION:
                return self._try(lambda: _duration(reader, key))
            case Kind.COMMAND if isinstance(reader.document[key], str):
                return self._try(lambda: _split(reader, key))
            case Kind.TEXTS | Kind.COMMAND:
                return self._texts(reader, key)
            case Kind.TABLES:
                entries = self._try(lambda: reader.items(key)) or []
                tables = [self._entry(known, entry, f"{reader.at(key)}[{at}]") for at, entry in enumerate(entries)]
                return tuple(tables)
            case _:
                inner = self._try(lambda: reader.find_object(key))
                return None if inner is None else self._inside(known, inner)

    def _inside(self, known: Known, inner: Reader) -> Any:
        match known.kind:
            case Kind.TEXT_MAP:
                # a name whose value is wrong stays: the groups of [processes] are known all the same
                return {name: self._text(inner, name) for name in inner.document if inner.has(name)}
            case Kind.HEADERS:
                return {name: self._header(inner, name) for name in inner.document}
            case Kind.TABLE_MAP:
                return {name: self._entry(known, inner.document[name], inner.at(name)) for name in inner.document}
            case Kind.TABLE:
                return self._entry(known, inner.document, inner.path)
            case _:
                return inner.document

    def _entry(self, known: Known, document: Any, path: str) -> Any:
        """One table; an empty one stands for what is none, so that those behind it keep their places."""
        reader = self._try(lambda: Reader(document, path)) or Reader({}, path)
        value = self.table(known.shape, reader)
        return reader.document if known.raw else value

    def _header(self, reader: Reader, name: str) -> tuple[str, ...]:
        if isinstance(reader.document[name], list):
            return self._texts(reader, name)
        return (self._text(reader, name),)

    def _text(self, reader: Reader, key: str) -> str:
        return self._try(lambda: reader.text(key)) or ""

    def _texts(self, reader: Reader, key: str) -> tuple[str, ...]:
        items = self._try(lambda: reader.items(key)) or []
        for position, item in enumerate(items):
            if not isinstance(item, str):
                path = f"{reader.at(key)}[{position}]"
                self._faults.append(Fault(path, f"{path} must be text, not {kind_of(item)}"))
        return tuple(item for item in items if isinstance(item, str))

    def _try(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Invalid as problem:
            self._faults.append(Fault(problem.field or "", problem.message))
            return None


def _duration(reader: Reader, key: str) -> float:
    """Seconds. A bare number, which Go would take for nanoseconds, is nobody's intention: it is refused."""
    value = reader.document[key]
    if not isinstance(value, str):
        raise Invalid(f'{reader.at(key)} is {value!r}: write a duration like "30s" or "5m"', field=reader.at(key))
    return round(parse_duration(value, field=reader.at(key)), 9)  # Go counts nanoseconds: "407ms" is 0.407


def _split(reader: Reader, key: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(reader.text(key)))
    except ValueError as error:
        field = reader.at(key)
        raise Invalid(f"{field} {reader.text(key)!r} cannot be split into words: {error}", field=field) from None
