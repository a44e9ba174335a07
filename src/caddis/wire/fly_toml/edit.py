"""Changing a fly.toml that a person wrote: their comments and layout stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.locate import SPELLINGS


def edit(text: str, changes: Mapping[str, Any], *, name: str = "fly.toml") -> str:
    """The text with top-level keys set: a text or number, a dict for a section, a list of dicts for a `[[section]]`.

    None removes. A section is replaced whole, under whichever of its spellings it stands.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise Invalid(f"{name} is not TOML: {error}") from None
    for key, value in changes.items():
        for spelling in SPELLINGS.get(key, (key,)):
            if spelling in document and (value is None or spelling != key or isinstance(value, dict | list)):
                del document[spelling]
        if value is not None:
            _set(document, key, value)
    return tomlkit.dumps(document)


def _set(document: tomlkit.TOMLDocument, key: str, value: Any) -> None:
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        tables = tomlkit.aot()
        for entry in value:
            tables.append(tomlkit.item(dict(entry)))
        document.append(key, tables)
    elif isinstance(value, Mapping):
        document.append(key, tomlkit.item(dict(value)))
    else:
        document[key] = value
