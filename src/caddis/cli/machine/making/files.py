"""`--file-local`, `--file-literal` and `--file-secret`: /path/inside=WHAT (facts: cli-deploy-launch 5.1)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from caddis.cli.call import Call
from caddis.domain.errors import Invalid

Wire = Mapping[str, Any]


def files_with(call: Call, files: Sequence[Wire]) -> list[dict[str, Any]]:
    """The files of a config with those of the flags; an empty WHAT takes one away."""
    found = {str(file.get("guest_path", "")): dict(file) for file in files}
    for path, file in _given(call):
        found.pop(path, None)
        if file is not None:
            found[path] = {"guest_path": path, **file}
    return list(found.values())


def _given(call: Call) -> Iterator[tuple[str, dict[str, Any] | None]]:
    readers: dict[str, Callable[[str], dict[str, Any]]] = {
        "file-local": lambda name: {"raw_value": _encode(_read(name))},
        "file-literal": lambda text: {"raw_value": _encode(text.encode())},
        "file-secret": lambda name: {"secret_name": name},
    }
    for flag, read in readers.items():
        for one in call.many(flag):
            path, equals, what = one.partition("=")
            if not equals or not path.startswith("/"):
                raise Invalid(f"--{flag} {one!r} is not /path/inside=WHAT", hint=f"--{flag} /etc/app.conf=WHAT")
            yield path, read(what) if what else None


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as unreadable:
        raise Invalid(f"could not read file {name}: {unreadable.strerror}") from unreadable


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
