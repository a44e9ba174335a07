"""Writing fly.yaml, and changing one with its comments and order kept."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

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
        self._before = ""  # of a text that has nothing but comments, which the library drops

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
        if document is None:
            self._before = text if text.endswith("\n") else f"{text}\n"
            return self._yaml.map()
        return document

    def new(self, value: Any) -> Any:
        """Plain values may be put in as they are, but for one character."""
        return _writable(value)

    def dump(self, document: Any) -> str:
        """Laid out as the text that was parsed."""
        try:
            return self._before + _dumped(self._yaml, document)
        except YAMLError as error:
            raise ValueError(str(error)) from None


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
