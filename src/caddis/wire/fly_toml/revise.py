"""Bringing a file that a person wrote to another configuration: comments, order and what is not known stay.

Only what differs is touched, as deeply as possible. What comes out is read again and compared; where a gentle change
did not say what it should (an older spelling is in the way), sections are replaced whole, at worst the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any, Protocol

import tomlkit
from tomlkit.exceptions import TOMLKitError

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.definition import definition
from caddis.wire.fly_toml.load import load
from caddis.wire.fly_toml.patches import SPELLINGS
from caddis.wire.fly_toml.write import write

Document = MutableMapping[str, Any]
_ABSENT = object()


class Editor(Protocol):
    """How one format is read for editing and written again."""

    def parse(self, text: str) -> Any:
        """The document, with whatever keeps its comments."""
        ...

    def new(self, value: Any) -> Any:
        """A plain value as may be put into the document."""
        ...

    def dump(self, document: Any) -> str:
        """The text of the document."""
        ...


class _Stuck(Exception):
    """This way of changing the text is closed."""


def revise(text: str, config: FlyToml, *, name: str = "fly.toml", at: datetime) -> str:
    """The text of `config`, made from that of an existing file; a new one where `text` cannot be read."""
    try:
        old = load(text, name)
    except Invalid:
        return write(config, name=name, at=at)
    before, after = definition(old), definition(config)
    faulty = {fault.key.partition(".")[0].partition("[")[0] for fault in old.faults}
    differing = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key) or key in faulty]
    differing += sorted(faulty.difference(differing))
    if not differing:
        return text
    for gentle in (True, False):
        try:
            editor = _editor(name)
            document = editor.parse(text)
            if gentle and not faulty:
                _merge(editor, document, before, after)
            else:
                _replace(editor, document, differing, after)
            revised = editor.dump(document)
            read = load(revised, name)
            if definition(read) == after and not read.faults:
                return revised
        except (_Stuck, Invalid, TOMLKitError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
            continue  # the editing libraries refuse in many ways, and a refusal only closes this way
    return write(config, name=name, at=at)


def _merge(editor: Editor, table: Document, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Change what differs, and nothing beside it."""
    for key in dict.fromkeys([*before, *after]):
        value, was, stands = after.get(key, _ABSENT), before.get(key, _ABSENT), table.get(key, _ABSENT)
        if value == was:
            continue
        if was is not _ABSENT and stands is _ABSENT:
            raise _Stuck  # it is spelled in an older way
        if value is _ABSENT:
            del table[key]
        elif isinstance(value, dict) and isinstance(was, dict) and isinstance(stands, MutableMapping):
            _merge(editor, stands, was, value)
        elif _are_tables(value) and _are_tables(was) and isinstance(stands, list) and len(stands) == len(was):
            _merge_tables(editor, stands, was, value)
        else:
            table[key] = editor.new(value)


def _merge_tables(editor: Editor, entries: Any, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    for stands, was, value in zip(entries, before, after, strict=False):
        _merge(editor, stands, was, value)
    for position in range(len(before) - 1, len(after) - 1, -1):
        del entries[position]
    for value in after[len(before) :]:
        entries.append(editor.new(value))


def _replace(editor: Editor, document: Document, sections: list[str], after: Mapping[str, Any]) -> None:
    """Take sections out, under whichever spelling, and write them anew."""
    for section in sections:
        for spelling in SPELLINGS.get(section, (section,)):
            if spelling in document:
                del document[spelling]
        if section in after:
            document[section] = editor.new(after[section])


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)


def _editor(name: str) -> Editor:
    if name.endswith(".json"):
        return _Json()
    if name.endswith((".yaml", ".yml")):
        from caddis.wire.fly_toml.yaml_edit import YamlEditor

        return YamlEditor()
    return _Toml()


class _Json:
    """Nothing to keep but the order."""

    def parse(self, text: str) -> Any:
        return json.loads(text.removeprefix("\ufeff"))

    def new(self, value: Any) -> Any:
        return value

    def dump(self, document: Any) -> str:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class _Toml:
    def parse(self, text: str) -> Any:
        return tomlkit.parse(text.removeprefix("\ufeff"))

    def new(self, value: Any) -> Any:
        """Lists of tables become [[…]]."""
        if _are_tables(value):
            tables = tomlkit.aot()
            for entry in value:
                tables.append(self.new(entry))
            return tables
        if isinstance(value, dict):
            table = tomlkit.table()
            for key, inner in value.items():
                table.append(key, self.new(inner))
            return table
        return tomlkit.item(value)

    def dump(self, document: Any) -> str:
        return tomlkit.dumps(document)
