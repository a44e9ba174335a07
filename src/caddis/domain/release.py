"""A release: one numbered deploy of an app, with the configuration and the image it deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`version` counts from 1 within its app; `definition` is the fly.toml as JSON, unchanged.

    `metadata` is the client's: what else a later deploy or a rollback needs to know (cli/deploy/ledger.py).
    """

    id: str
    app: str
    version: int
    status: str  # pending, running, complete, failed, interrupted
    strategy: str
    image: str
    definition: Mapping[str, Any]
    user: str
    created_at: datetime
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
