"""Reading one JSON object field by field, with sentences of our own that name the field.

`null` counts as absent everywhere, because Go's clients serialise unset pointers as null (facts: machines-api 5.3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from caddis.domain.errors import Invalid
from caddis.wire.duration import parse_duration

T = TypeVar("T")
V = TypeVar("V")


def kind_of(value: object) -> str:
    """What a JSON or TOML value is, in plain words."""
    match value:
        case None:
            return "null"
        case bool():
            return f"{str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def naming(field: str, check: Callable[[V], T], value: V) -> T:
    """`check(value)`, with an Invalid of the domain pointing at this document's field instead of its own."""
    try:
        return check(value)
    except Invalid as problem:
        raise Invalid(problem.message, hint=problem.hint, field=field) from None


def has_control_characters(text: str) -> bool:
    """Whether a text holds what no name or path may."""
    return any(ord(character) < 32 or ord(character) == 127 for character in text)


class Reader:
    """One object of a document and the path at which it stands ("config.mounts[0]", "" at the top)."""

    def __init__(self, document: object, path: str = "") -> None:
        if not isinstance(document, Mapping):
            raise Invalid(
                f"{path or 'the request body'} must be an object, not {kind_of(document)}", field=path or None
            )
        self.document: Mapping[str, Any] = document
        self.path = path

    def at(self, key: str) -> str:
        """The path of one field."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, key: str, wanted: str) -> Invalid:
        """The error for a field that is not what it should be."""
        field = self.at(key)
        return Invalid(f"{field} must be {wanted}, not {kind_of(self.document.get(key))}", field=field)

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self.document.get(key) is not None

    def find_text(self, key: str) -> str | None:
        """The text, or None."""
        value = self.document.get(key)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(key, "text")

    def text(self, key: str, default: str = "") -> str:
        """The text, or `default`."""
        value = self.find_text(key)
        return default if value is None else value

    def name(self, key: str) -> str:
        """A text without control characters, "" when absent."""
        value = self.text(key)
        if has_control_characters(value):
            raise Invalid(f"{self.at(key)} contains control characters", field=self.at(key))
        return value

    def choice(self, key: str, allowed: Collection[str], default: str) -> str:
        """One of `allowed`; an empty text counts as absent."""
        value = self.text(key) or default
        if value not in allowed:
            raise Invalid(f"{self.at(key)} is {value!r}: use one of {', '.join(allowed)}", field=self.at(key))
        return value

    def find_whole(self, key: str, *, low: int, high: int) -> int | None:
        """The whole number, or None; Invalid outside `low` to `high`."""
        value = self.document.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(key, "a whole number")
        if not low <= value <= high:
            raise Invalid(f"{self.at(key)} is {value}: it must be from {low} to {high}", field=self.at(key))
        return value

    def whole(self, key: str, default: int = 0, *, low: int = 0, high: int = 2**53) -> int:
        """The whole number, or `default`."""
        value = self.find_whole(key, low=low, high=high)
        return default if value is None else value

    def find_truth(self, key: str) -> bool | None:
        """True, false or None."""
        value = self.document.get(key)
        if value is None or isinstance(value, bool):
            return value
        raise self.wrong(key, "true or false")

    def truth(self, key: str, default: bool = False) -> bool:
        """True or false."""
        value = self.find_truth(key)
        return default if value is None else value

    def find_duration(self, key: str, *, high: float) -> float | None:
        """Seconds, from a Go duration or whole nanoseconds; Invalid above `high` seconds."""
        value = self.document.get(key)
        if value is None:
            return None
        seconds = parse_duration(value, field=self.at(key))
        if not 0 <= seconds <= high:
            raise Invalid(f"{self.at(key)} is {value!r}: it must be from 0s to {high:g}s", field=self.at(key))
        return seconds

    def items(self, key: str) -> list[Any]:
        """The list, empty when absent."""
        value = self.document.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.wrong(key, "a list")
        return list(value)

    def find_texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, or None."""
        if not self.has(key):
            return None
        items = self.items(key)
        for position, item in enumerate(items):
            if not isinstance(item, str):
                field = f"{self.at(key)}[{position}]"
                raise Invalid(f"{field} must be text, not {kind_of(item)}", field=field)
        return tuple(items)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty when absent."""
        return self.find_texts(key) or ()

    def find_number(self, key: str) -> float | None:
        """A number, whole or not, or None."""
        value = self.document.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
            raise self.wrong(key, "a number")
        return float(value)

    def text_map(self, key: str) -> dict[str, str]:
        """An object of texts, empty when absent."""
        inner = self.find_object(key)
        if inner is None:
            return {}
        return {name: inner.text(name) for name in inner.document if inner.has(name)}

    def find_object(self, key: str) -> Reader | None:
        """A reader of the object under `key`, or None."""
        return Reader(self.document[key], self.at(key)) if self.has(key) else None

    def objects(self, key: str) -> list[Reader]:
        """Readers of a list of objects."""
        return [Reader(item, f"{self.at(key)}[{position}]") for position, item in enumerate(self.items(key))]
