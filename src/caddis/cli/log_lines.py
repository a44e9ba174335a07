"""One log line as text, and the last ones of a machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from caddis.client.logs import read_logs
from caddis.client.transport import Client
from caddis.domain.errors import Problem


def line_of(entry: Mapping[str, Any]) -> str:
    """`<time> <provider>[<machine>] <region> [<level>]<message>` (facts: cli-deploy-launch 9)."""
    event = (entry.get("meta") or {}).get("event") or {}
    provider = event.get("provider") or "app"
    where = f"{provider}[{entry.get('instance', '')}] {entry.get('region', '')}"
    return f"{entry.get('timestamp', '')} {where} [{entry.get('level', 'info')}]{entry.get('message', '')}"


def last_lines(client: Client, app: str, machine: str, count: int) -> list[str]:
    """The newest `count` lines of a machine; none when they cannot be had: they only explain another problem."""
    kept: deque[str] = deque(maxlen=count)
    token = ""
    try:
        while True:
            page = client.send(read_logs(app, token=token, machine=machine))
            kept.extend(line_of(item["attributes"]) for item in page["data"])
            following = str(page["meta"].get("next_token") or "")
            if not page["data"] or not following or following == token:
                return list(kept)
            token = following
    except Problem:
        return list(kept)
