"""What an answer must look like: a shape is a type, a value, an object or a list of shapes ([]: an empty list)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Shape = Any


@dataclass(frozen=True)
class Like:
    """A shape with a name and a test of its own."""

    name: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class some:  # read as the functions below are
    """A list of that shape with at least one element."""

    shape: Shape


@dataclass(frozen=True)
class maybe:
    """That shape, or null."""

    shape: Shape


def complaints(value: Any, shape: Shape, where: str = "answer") -> list[str]:
    """How `value` is not as `shape` says; empty when it is. Fields that the shape does not name are free."""
    if isinstance(shape, Like):
        return [] if shape.fits(value) else [f"{where} is {value!r}, not {shape.name}"]
    if isinstance(shape, maybe):
        return [] if value is None else complaints(value, shape.shape, where)
    if isinstance(shape, some):
        return complaints(value, [shape.shape], where) if value else [f"{where} is empty"]
    if isinstance(shape, type):
        right = type(value) is shape  # a bool is no number in JSON
        return [] if right else [f"{where} is {value!r}, not {shape.__name__}"]
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            return [f"{where} is {value!r}, not an object"]
        absent = [f"{where}.{key} is missing" for key in shape if key not in value]
        present = [key for key in shape if key in value]
        return absent + [line for key in present for line in complaints(value[key], shape[key], f"{where}.{key}")]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} is {value!r}, not a list"]
        if not shape:
            return [f"{where} is not empty: {value!r}"] if value else []
        return [line for number, one in enumerate(value) for line in complaints(one, shape[0], f"{where}[{number}]")]
    return [] if value == shape else [f"{where} is {value!r}, not {shape!r}"]


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


TIME = Like("a time as in RFC 3339", _is_time)
NULL = Like("null", lambda value: value is None)
DECIMAL = Like("a number as text", lambda value: isinstance(value, str) and value.isdecimal())
NUMBER = Like("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))
OBJECT = Like("an object", lambda value: isinstance(value, Mapping))
ANYTHING = Like("anything", lambda _value: True)


def one_of(*values: Any) -> Like:
    """One of these values."""
    return Like(f"one of {values}", lambda value: value in values)


def text_with(part: str) -> Like:
    """A text that has that in it."""
    return Like(f"a text with {part!r}", lambda value: isinstance(value, str) and part in value)
