"""fly.yaml: the document in a text and the row of every key, in one walk over the composed nodes.

YAML 1.2 as the library resolves it: `on` and `no` are texts. Anchors, aliases and merge keys are followed, within
bounds. Dates and what has a tag of its own stay the text that they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from caddis.wire.fly_toml.source import Rows

_MAX_VALUES = 50_000  # with what aliases repeat
_MAX_DEPTH = 64
_CORE = "tag:yaml.org,2002:"


class Unreadable(Exception):
    """The text is not YAML, or not YAML that says a configuration; row and column count from 1."""

    def __init__(self, message: str, row: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message, self.row, self.column = message, row, column


@dataclass
class _Walk:
    rows: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def value(self, node: Node, path: str, depth: int = 0) -> Any:
        """What a node says."""
        self.count += 1
        if depth > _MAX_DEPTH or self.count > _MAX_VALUES:
            raise _at(node, "it is nested too deeply, or its aliases repeat too much")
        self.rows.setdefault(path, node.start_mark.line + 1)
        match node:
            case MappingNode():
                return self._mapping(node, path, depth)
            case SequenceNode():
                return [self.value(inner, f"{path}[{at}]", depth + 1) for at, inner in enumerate(node.value)]
            case _:
                return _scalar(node)

    def _mapping(self, node: MappingNode, path: str, depth: int) -> dict[str, Any]:
        document: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, inner in node.value:
            if key.tag == f"{_CORE}merge":
                merged |= self._merged(inner, path, depth)
                continue
            if not isinstance(key, ScalarNode):
                raise _at(key, "a key must be text")
            name = str(key.value)
            if name in document:
                raise _at(key, f"the key {name!r} stands there twice")
            place = f"{path}.{name}".removeprefix(".")
            self.rows[place] = key.start_mark.line + 1
            document[name] = self.value(inner, place, depth + 1)
        return {**{name: value for name, value in merged.items() if name not in document}, **document}

    def _merged(self, node: Node, path: str, depth: int) -> dict[str, Any]:
        """What `<<` brings in: of several, the first that has a key wins."""
        merged: dict[str, Any] = {}
        for one in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(one, MappingNode):
                raise _at(one, "<< must bring in a table")
            merged = {**self.value(one, path, depth + 1), **merged}
        return merged


def read(text: str) -> Any:
    """The document in the text; Unreadable."""
    return _walked(text)[0]


def scan(text: str) -> Rows:
    """Every value by its path, with the row of its key, or in a list its own."""
    return _walked(text)[1]


@lru_cache(maxsize=2)
def _walked(text: str) -> tuple[Any, Rows]:
    try:
        _check_depth(text)
        node = YAML(typ="safe", pure=True).compose(text)
        walk = _Walk()
        return (None if node is None else walk.value(node, "")), walk.rows
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        told = " ".join(part for part in (error.context, error.problem) if part)
        raise Unreadable(_one_line(told) or "it is malformed", *at) from None
    except YAMLError as error:
        raise Unreadable(_one_line(str(error))) from None
    except (RecursionError, ValueError, AttributeError, IndexError, TypeError, KeyError, AssertionError) as error:
        # the library's own slips over malformed text count as that
        raise Unreadable(f"it is malformed ({type(error).__name__})") from None


def _check_depth(text: str) -> None:
    """Before anything recurses: the library's own time and stack grow without measure in brackets that never close."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MAX_DEPTH:
            row, column = event.start_mark.line + 1, event.start_mark.column + 1
            raise Unreadable("it is nested too deeply", row, column)


def _scalar(node: Node) -> Any:
    text: str = node.value
    match str(node.tag).removeprefix(_CORE):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _whole(node, text.replace("_", ""))
        case "float":
            return float(re.sub(r"\.(?=inf|nan)", "", text.replace("_", "").lower()))
        case _:
            return text


def _whole(node: Node, text: str) -> int:
    try:
        return int(text, 0 if re.match(r"[-+]?0[box]", text) else 10)
    except ValueError:
        raise _at(node, "this number has too many digits") from None


def _at(node: Node, message: str) -> Unreadable:
    return Unreadable(message, node.start_mark.line + 1, node.start_mark.column + 1)


def _one_line(text: str) -> str:
    return " ".join(text.split())
