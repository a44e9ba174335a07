"""Writing fly.yaml, and changing one with its comments and order kept."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from caddis.wire.fly_toml.yaml_text import Unreadable, scan

_NEL = "\x85"
_BEGIN = r"[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*"  # a key, and remarks below it
_LIST = re.compile(rf"^(?P<key> *){_BEGIN}(?P<item> *)- ", re.MULTILINE)
_TABLE = re.compile(rf"^{_BEGIN}(?P<inner> +)[^\s#-]", re.MULTILINE)


def dump(document: Any) -> str:
    """A plain document as YAML."""
    return _dumped(_library(step=2, offset=2), _writable(document))


class YamlEditor:
    """Keeps comments, order, quotes, and as far as the library lets it the indentation."""

    def __init__(self) -> None:
        self._yaml = _library(step=2, offset=2)
        self._text = ""

    def parse(self, text: str) -> Any:
        """The document with its comments; ValueError where the library cannot carry it through."""
        table, items = _TABLE.search(text), _LIST.search(text)
        step = len(table["inner"]) if table else 2
        offset = len(items["item"]) - len(items["key"]) if items else 2
        self._yaml = _library(step=step, offset=max(offset, 0))
        try:
            document = self._yaml.load(text.removeprefix("\ufeff"))
        except YAMLError as error:
            raise ValueError(str(error)) from None
        self._text = text.removeprefix("\ufeff").removesuffix("\n") + "\n"
        return self._yaml.map() if document is None else document

    def new(self, value: Any) -> Any:
        """Plain values may be put in as they are, but for one character."""
        return _writable(value)

    def dump(self, document: Any) -> str:
        """Laid out as the text that was parsed."""
        try:
            text = _dumped(self._yaml, document)
            return _with_remarks(text, self._text)
        except (YAMLError, Unreadable) as error:
            raise ValueError(str(error)) from None


def _with_remarks(text: str, before: str) -> str:
    """The library ties remarks to the key before them, and loses them with it: they are put back above their own."""
    rows, places = scan(text), [[line] for line in text.split("\n")]
    settled: set[int] = set()
    homeless: list[tuple[int, str]] = []
    for path, remarks in _remarks(before):
        if path not in rows:
            continue
        above = _rows_above(places, rows[path] - 1)
        for remark in remarks:
            row = next((row for row in above if places[row][0].strip() == remark and row not in settled), None)
            if row is None:
                homeless.append((rows[path] - 1, remark))
            else:
                settled.add(row)
    for home, remark in homeless:
        for row, place in enumerate(places):
            if row not in settled and place and place[0].strip() == remark:
                places[row] = []
                break
        key = places[home][-1]
        places[home].insert(-1, key[: len(key) - len(key.lstrip())] + remark)
    head = [] if scan(before) else [before.rstrip("\n")]
    return "\n".join([*head, *(line for place in places for line in place)])


def _rows_above(places: list[list[str]], row: int) -> list[int]:
    """The remarks right above a row, from the top."""
    first = row
    while first > 0 and (_is_remark(places[first - 1][0]) or not places[first - 1][0].strip()):
        first -= 1
    return [above for above in range(first, row) if _is_remark(places[above][0])]


def _remarks(text: str) -> list[tuple[str, list[str]]]:
    """Keys with the remarks that stand above them."""
    paths = {row: path for path, row in reversed(list(scan(text).items()))}
    found: list[tuple[str, list[str]]] = []
    above: list[str] = []
    for row, line in enumerate(text.split("\n"), start=1):
        if _is_remark(line):
            above.append(line.strip())
        elif line.strip():
            if above and row in paths:
                found.append((paths[row], above))
            above = []
    return found


def _is_remark(line: str) -> bool:
    return line.lstrip().startswith("#")


def _writable(value: Any) -> Any:
    """NEL, which the library folds away elsewhere, survives in double quotes only."""
    match value:
        case dict():
            return {_writable(key): _writable(inner) for key, inner in value.items()}
        case list():
            return [_writable(inner) for inner in value]
        case str() if _NEL in value:
            return DoubleQuotedScalarString(value)
        case _:
            return value


def _library(*, step: int, offset: int) -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 20  # long commands stay in one row
    yaml.indent(mapping=step, sequence=offset + 2, offset=offset)
    return yaml


def _dumped(yaml: YAML, document: Any) -> str:
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
