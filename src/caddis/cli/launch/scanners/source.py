"""What a scanner found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`family` is how the app is called ("Django"); `volume` an absolute path that the app keeps data in, or "".

    `files` are texts to write into the folder, by name; `secrets` what the app does not start without ("" stands for a
    value to be made up); `notes` what the person should know.
    """

    family: str
    dockerfile: Path | None = None
    image: str = ""
    port: int = DEFAULT_PORT
    volume: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    release_command: str = ""
    notes: tuple[str, ...] = ()
    buildable: bool = True
