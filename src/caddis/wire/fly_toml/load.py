"""From a file's text to FlyToml: parse, patch, decode. Every error names the file and the row."""

from __future__ import annotations

from dataclasses import replace

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.decode import decode
from caddis.wire.fly_toml.parse import parse
from caddis.wire.fly_toml.patches import patch
from caddis.wire.fly_toml.source import Source


def load(text: str, name: str = "fly.toml") -> FlyToml:
    """The configuration in `text`; the format as for `parse`. Values of a wrong type are its `faults`.

    Invalid, with file, row and column, for text that cannot be parsed.
    """
    text = text.removeprefix("\ufeff")
    document = parse(text, name)
    patched = patch(document)
    config, faults = decode(patched.document)
    return replace(config, document=document, source=Source(name, text, patched.origins), faults=faults)


def check_types(config: FlyToml) -> FlyToml:
    """The configuration itself; Invalid, with file, row and key, where it has values of a wrong type."""
    if not config.faults:
        return config
    first, *others = config.faults
    more = f" (and {len(others)} more)" if others else ""
    raise Invalid(
        f"{config.source.where(first.key)}: {first.message}{more}",
        hint="`fly config validate` lists everything that is wrong." if others else None,
        field=first.key,
    )
