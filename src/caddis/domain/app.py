"""An app: a named collection of machines, volumes and releases, owned by an organization."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# Metadata of the machines of a suspended app: whether it ran then, or rested (and would be started by its schedule).
SUSPENDED_MARK = "caddis_suspended"
RAN, RESTED = "ran", "rested"


class AppStatus(StrEnum):
    """`deployed` once a release completed; clients treat `pending` without machines as a first deploy.

    `destroyed` is never told: it keeps a name for the organization whose volumes can still be brought back under it.
    """

    PENDING = "pending"
    DEPLOYED = "deployed"
    SUSPENDED = "suspended"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Who owns apps."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """As the catalog holds it."""

    id: int
    name: str
    organization: Organization
    status: AppStatus
    created_at: datetime
    network: str = "default"
