"""What is wrong with, or questionable about, a fly.toml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about one key; `row` from 1, None where the file's format does not tell rows."""

    level: Level
    message: str
    key: str
    row: int | None = None


Report = Callable[[Level, str, str], None]  # level, key, message
