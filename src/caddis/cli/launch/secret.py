"""The secrets that a launched app begins with: --secret, and what its framework does not start without."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from caddis.cli.call import Call
from caddis.cli.launch.scanners.source import Source
from caddis.cli.secrets.given import read_pairs
from caddis.client.secrets import change_secrets

_LENGTH = 48  # bytes of a made-up value


def choose_secrets(call: Call, source: Source | None) -> dict[str, str]:
    """Names and values; Invalid for a --secret that is not NAME=VALUE."""
    needed = source.secrets if source is not None else {}
    made = {name: value or secrets.token_urlsafe(_LENGTH) for name, value in needed.items()}
    return {**made, **read_pairs(call.many("secret"))}


def set_secrets(call: Call, app: str, values: Mapping[str, str]) -> None:
    """Keep them for the app's machines; the first deploy hands them over."""
    call.send(change_secrets(app, values))
    call.say(f"Secrets are staged for the first deployment: {', '.join(sorted(values))}")
