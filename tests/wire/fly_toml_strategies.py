"""Strategies for fly.toml, made from its schema: configurations, and documents that may be wrong anywhere."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from wire_strategies import anything

from caddis.wire.fly_toml.config import FlyToml, Mount, Service
from caddis.wire.fly_toml.schema import Kind, Known, keys_of

texts = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
_whole = st.integers(-(2**31), 2**31)
_durations = st.integers(0, 10**7).map(lambda milliseconds: milliseconds / 1000)
_PLAIN: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: texts,
    Kind.WHOLE: _whole,
    Kind.NUMBER: st.integers(-1000, 1000).map(lambda tenth: tenth / 10),
    Kind.TRUTH: st.booleans(),
    Kind.DURATION: _durations,
    Kind.COMMAND: st.lists(texts, max_size=2).map(tuple),
    Kind.TEXTS: st.lists(texts, max_size=2).map(tuple),
    Kind.TEXT_MAP: st.dictionaries(names, texts, max_size=2),
    Kind.HEADERS: st.dictionaries(names, st.lists(texts, max_size=2).map(tuple), max_size=2),
    Kind.FREE: st.dictionaries(names, texts | _whole | st.lists(texts, max_size=2), max_size=2),
}


def _value(known: Known) -> st.SearchStrategy[Any]:
    if known.choices:
        return st.sampled_from(known.choices)
    if known.kind in _PLAIN:
        return _PLAIN[known.kind]
    entry = _raw(known.shape) if known.raw else _shape(known.shape)
    if known.shape is Service:
        entry = entry.filter(lambda service: service != Service())  # which is dropped
    match known.kind:
        case Kind.TABLES:
            return st.lists(entry, max_size=2).map(tuple)
        case Kind.TABLE_MAP:
            return st.dictionaries(names, entry, max_size=2)
        case _:
            return entry


def _shape(shape: Any) -> st.SearchStrategy[Any]:
    values = {known.name: _value(known) for known in keys_of(shape)}
    return st.fixed_dictionaries({}, optional=values).map(lambda given: shape(**given))


def _raw(shape: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A table of that shape as a document, with right types."""
    plain = {
        Kind.DURATION: st.just("5s"),
        Kind.TEXTS: st.lists(texts, max_size=2),
        Kind.TABLES: st.just([]),
        Kind.TABLE: st.just({}),
    }
    values = {known.key: plain[known.kind] if known.kind in plain else _value(known) for known in keys_of(shape)}
    return st.fixed_dictionaries({}, optional=values)


def _document(shape: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A table with the right keys, of whose values anything may be wrong."""
    values: dict[str, st.SearchStrategy[Any]] = {"bogus": anything}
    for known in keys_of(shape):
        right = _right(known)
        values[known.key] = right | right | right | anything
    return st.fixed_dictionaries({}, optional=values)


def _right(known: Known) -> st.SearchStrategy[Any]:
    words = st.sampled_from(["80", "data", "/data", "app", "http", "tcp", "script", "10gb", "always", "true", "a 'b"])
    match known.kind:
        case Kind.TEXT:
            return st.sampled_from(known.choices) if known.choices else words
        case Kind.DURATION:
            return st.sampled_from(["5s", "1m30s", "0s", 5000])
        case Kind.WHOLE:
            return st.sampled_from([0, 1, 60, 80, 256, 512, 70000])
        case Kind.TEXTS | Kind.COMMAND:
            return st.lists(words, max_size=2)
        case Kind.TABLE:
            return _document(known.shape)
        case Kind.TABLES:
            return st.lists(_document(known.shape), max_size=2) | _document(known.shape)
        case Kind.TABLE_MAP:
            return st.dictionaries(words, _document(known.shape), max_size=2)
        case Kind.TEXT_MAP | Kind.HEADERS | Kind.FREE:
            return st.dictionaries(words, words, max_size=2)
        case _:
            return _PLAIN[known.kind]


configs: st.SearchStrategy[FlyToml] = _shape(FlyToml)
_section = _document(Mount) | st.lists(_document(Mount), max_size=2) | anything
_older = st.fixed_dictionaries({}, optional=dict.fromkeys(("mount", "compute", "computes", "metric"), _section))
documents = st.builds(lambda document, older: {**document, **older}, _document(FlyToml), _older)
