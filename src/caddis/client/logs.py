"""Log lines, page by page (facts: flyctl-calls 1.8)."""

from __future__ import annotations

from caddis.client.request import Request, get, segment


def read_logs(app: str, *, token: str = "", machine: str = "", region: str = "") -> Request:
    """What came after the page that gave `token`; without one, the latest lines of each machine."""
    pairs = (("next_token", token), ("instance", machine), ("region", region))
    return get(f"/api/v1/apps/{segment(app)}/logs", query=tuple(pair for pair in pairs if pair[1]))
