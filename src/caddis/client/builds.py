"""Building an image from a context (one POST; the answer's lines are the build's output)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import IO

from caddis.client.apps import app_path
from caddis.client.request import Query
from caddis.client.transport import Client
from caddis.domain.errors import Problem

SILENCE_SECONDS = 900.0  # a step of a build may say nothing for long


def build_image(client: Client, app: str, *, query: Query, context: IO[bytes], on_line: Callable[[str], None]) -> str:
    """The reference of the image. Problem, with the build's last word, when it failed."""
    last = ""
    for line in _lines(client.upload(f"{app_path(app)}/builds", query, context, deadline=SILENCE_SECONDS)):
        if last:
            on_line(last)
        last = line
    try:
        result = json.loads(last)
    except ValueError:
        result = None
    if not isinstance(result, dict) or not ("image" in result or "error" in result):
        raise Problem(f"the build broke off{': ' + last if last else ''}")
    if "error" in result:
        raise Problem(f"the build failed: {result['error']}")
    return str(result["image"])


def _lines(answer: Iterator[str]) -> Iterator[str]:
    return (line for line in answer if line.strip())
