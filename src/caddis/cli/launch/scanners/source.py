"""What a scanner found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`family` is how the app is called ("Dockerfile"); `volume` an absolute path that the app keeps data in, or ""."""

    family: str
    dockerfile: Path | None = None
    image: str = ""
    port: int = DEFAULT_PORT
    volume: str = ""
