"""Images: building one from a context (one POST; the answer's lines are the build's output), and fetching one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import IO, Any

from caddis.client.apps import app_path
from caddis.client.request import Query, Request
from caddis.client.transport import Client
from caddis.domain.errors import Problem

SILENCE_SECONDS = 900.0  # a step of a build may say nothing for long


def fetch_image(app: str, reference: str) -> Request:
    """Ensure that the image is where machines find it; the Problem says why it cannot be."""
    return Request(method="POST", path=f"{app_path(app)}/images", body={"image": reference}, deadline=SILENCE_SECONDS)


def build_image(client: Client, app: str, *, query: Query, context: IO[bytes], on_line: Callable[[str], None]) -> str:
    """The reference of the image. Problem, with the build's last word, when it failed."""
    held, last = "", ""
    for line in _lines(client.upload(f"{app_path(app)}/builds", query, context, deadline=SILENCE_SECONDS)):
        if held:
            on_line(held)
        # What a step is about to do is shown before it does it; only a verdict waits to be known as the last line.
        held = line if _verdict(line) else ""
        if not held:
            on_line(line)
        last = line
    result = _verdict(held)
    if result is None:
        raise Problem(f"the build broke off{': ' + last if last else ''}")
    if "error" in result:
        said = str(result["error"]).removeprefix("the build failed: ")
        raise Problem(f"the build failed: {said}", hint=result.get("hint") or None)
    return str(result["image"])


def _verdict(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and ("image" in found or "error" in found) else None


def _lines(answer: Iterator[str]) -> Iterator[str]:
    return (line for line in answer if line.strip())
