"""What is wrong with, or questionable about, a fly.toml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A value of a wrong type: where it stands, like "mounts[0].source", and a sentence."""

    key: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about one key; `row` from 1, None where there is no file."""

    level: Level
    message: str
    key: str
    row: int | None = None

    @property
    def sentence(self) -> str:
        """The message, with the key before it where it does not name that, or begin with the section, itself."""
        section = self.key.rpartition(".")[0]
        named = self.key in self.message or (section and self.message.startswith((f"{section} ", f"{section}:")))
        return self.message if named else f"{self.key}: {self.message}"


Report = Callable[[Level, str, str], None]  # level, key, message
