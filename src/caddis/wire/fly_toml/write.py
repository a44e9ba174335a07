"""FlyToml as the text of a fly.toml: flyctl's order, tables indented, lists of tables as [[…]] (facts: fly-toml 1)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import tomlkit
from tomlkit.items import SingleKey

from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.definition import definition

_INDENT = "  "
_UNWRITABLE = "'\n\r\t"  # what a literal string cannot hold or should not show


def write(config: FlyToml, *, name: str = "fly.toml", at: datetime) -> str:
    """The text of a new configuration file; JSON or YAML when `name` says so."""
    document = definition(config)
    if name.endswith(".json"):
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    app = "".join(character for character in config.app if character.isprintable())
    title = f"configuration of the app {app or 'without a name'}"
    header = [
        f"# {name}: {title}, written {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "#",
        "# Every section that may stand here: https://fly.io/docs/reference/configuration/",
        "",
    ]
    if name.endswith((".yaml", ".yml")):
        from caddis.wire.fly_toml.yaml_edit import dump

        return "\n".join([*header, dump(document)])
    return "\n".join([*header, *_table(document, (), "")]).rstrip("\n") + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _table(document: Mapping[str, Any], path: tuple[str, ...], indent: str) -> Iterator[str]:
    """The rows of a table: its values, then the tables in it."""
    for key, value in document.items():
        if not _is_table(value) and not _is_tables(value):
            yield f"{indent}{_key(key)} = {_value(value)}"
    for key, value in document.items():
        here = (*path, key)
        if _is_table(value):
            yield from _header(f"[{_dotted(here)}]", path)
            yield from _table(value, here, _INDENT * len(here))
        elif _is_tables(value):
            for entry in value:
                yield from _header(f"[[{_dotted(here)}]]", path)
                yield from _table(entry, here, _INDENT * len(here))


def _header(text: str, parents: tuple[str, ...]) -> Iterator[str]:
    yield ""
    yield _INDENT * len(parents) + text


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(_key(key) for key in path)


def _key(key: str) -> str:
    return SingleKey(key).as_string()


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, str):
        literal = value.isprintable() and not any(character in value for character in _UNWRITABLE)
        return str(tomlkit.string(value, literal=literal).as_string())
    return str(tomlkit.item(value).as_string())
