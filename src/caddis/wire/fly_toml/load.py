"""From a file's text to FlyToml: parse, patch, decode. Every error names the file and, in TOML, the row."""

from __future__ import annotations

from dataclasses import replace

from caddis.domain.errors import Invalid
from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.decode import decode
from caddis.wire.fly_toml.locate import Source
from caddis.wire.fly_toml.parse import parse
from caddis.wire.fly_toml.patches import patch

__all__ = ["load", "parse"]


def load(text: str, name: str = "fly.toml") -> FlyToml:
    """The configuration in `text`; the format as for `parse`.

    Invalid, with file, row and column, for text that cannot be parsed; with file, row and key for a wrong type.
    """
    document = parse(text, name)
    source = Source(name, text)
    try:
        config = decode(patch(document))
    except Invalid as problem:
        field = problem.field or ""
        raise Invalid(f"{source.where(field)}: {problem.message}", hint=problem.hint, field=problem.field) from None
    return replace(config, document=document, source=source)
