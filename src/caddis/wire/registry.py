"""What registries and their clients say of access: `repository:web:pull,push`, as the distribution project has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from caddis.domain.errors import Refused

SERVICE = "caddis"  # who the tokens are for, and who signs them
_ACTIONS = frozenset({"pull", "push"})


@dataclass(frozen=True, slots=True)
class Scope:
    """What a client wants to do to one repository. An app's images lie below its name: `web` or `web/…`."""

    repository: str
    actions: frozenset[str]

    @property
    def app(self) -> str:
        """The app whose images these are."""
        return self.repository.partition("/")[0]


def scopes_from_wire(given: Iterable[str]) -> list[Scope]:
    """The scopes of a request, several of which may stand in one value; what is not about a repository is left out."""
    found = []
    for text in (part for value in given for part in value.split()):
        kind, _, rest = text.partition(":")
        repository, colon, actions = rest.rpartition(":")
        if not colon or not repository:
            raise Refused(f"scope {text!r} is not like repository:NAME:pull,push", field="scope")
        if kind == "repository":
            found.append(Scope(repository, _ACTIONS & set(actions.split(","))))
    return found


def access_to_wire(granted: Iterable[Scope]) -> list[dict[str, Any]]:
    """The `access` claim."""
    return [{"type": "repository", "name": one.repository, "actions": sorted(one.actions)} for one in granted]
