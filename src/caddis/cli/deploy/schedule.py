"""In which order, and how many at once, machines are changed: pure (facts: cli-deploy-launch 1.7)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caddis.cli.deploy.moves import Change, Current, GroupWish, UpdateMachine
from caddis.domain.errors import Conflict, Invalid

GROUPS_AT_ONCE = 16
STOPPED_AT_ONCE = 30
_ROLLING = "Use --strategy rolling, which changes one machine after the other."


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Changes that may be under way together, `at_once` of them; with `go_on` a failure does not keep the rest."""

    changes: tuple[Change, ...]
    at_once: int
    go_on: bool = False


def rolling(changes: Sequence[Change], *, max_unavailable: float) -> dict[str, tuple[Stage, ...]]:
    """By group: the first machine alone, then the others by their share, then those that stay stopped."""
    return {
        group: tuple(stage for stage in _stages(mine, max_unavailable) if stage.changes)
        for group, mine in by_group(changes).items()
    }


def _stages(changes: Sequence[Change], max_unavailable: float) -> Iterable[Stage]:
    running = [change for change in changes if not change.skip_launch]
    yield Stage(changes=tuple(running[:1]), at_once=1)
    yield Stage(changes=tuple(running[1:]), at_once=at_once(len(changes), max_unavailable))
    yield Stage(changes=tuple(change for change in changes if change.skip_launch), at_once=STOPPED_AT_ONCE)


def immediate(changes: Sequence[Change], *, max_concurrent: int) -> Stage:
    """All, whatever happens to some of them."""
    return Stage(changes=tuple(changes), at_once=max_concurrent, go_on=True)


def at_once(count: int, max_unavailable: float) -> int:
    """How many of `count` machines may be away together: a share of them, or from 1 on a number."""
    if max_unavailable >= 1:
        return max(1, min(count, int(max_unavailable)))
    return max(1, math.ceil(count * max_unavailable))


def by_group(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """In the order in which they come."""
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.group, []).append(change)
    return groups


def canaries(changes: Iterable[Change], current: Current) -> dict[str, str]:
    """Which groups get a canary, and where; none on a first deploy."""
    if current.is_first:
        return {}
    running = [change for change in changes if not change.skip_launch]
    return {group: mine[0].region for group, mine in by_group(running).items()}


# --- blue and green ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One thing that is done to all machines of one colour before the next is done. `undo`: greens can still go."""

    name: str
    colour: str
    says: str
    undo: bool


PHASES = (
    Phase(name="create", colour="green", says="Creating green machines", undo=True),
    Phase(name="start", colour="green", says="Waiting for all green machines to start", undo=True),
    Phase(name="check", colour="green", says="Waiting for all green machines to be healthy", undo=True),
    Phase(name="hand over", colour="blue", says="Marking green machines as ready", undo=True),
    Phase(name="uncordon", colour="green", says="Giving the traffic to green machines", undo=False),
    Phase(name="cordon", colour="blue", says="Taking the traffic from blue machines", undo=False),
    Phase(name="stop", colour="blue", says="Stopping all blue machines", undo=False),
    Phase(name="destroy", colour="blue", says="Destroying all blue machines", undo=False),
)


def check_strategy(strategy: str, groups: Iterable[GroupWish], current: Current) -> None:
    """Invalid or Conflict where the strategy cannot be carried out with what is wanted and what there is."""
    groups = tuple(groups)
    names = {group.name for group in groups}
    if strategy in ("canary", "bluegreen") and (
        any(group.mount for group in groups) or any(one.mount and one.group in names for one in current.machines)
    ):
        raise Invalid(
            f"the {strategy} strategy is not possible with mounted volumes: a volume is attached to one machine only",
            hint=_ROLLING,
        )
    if strategy != "bluegreen":
        return
    if not any(group.has_checks for group in groups):
        raise Invalid(
            "the bluegreen strategy needs at least one health check: without one nobody knows when to switch",
            hint="Add [[http_service.checks]] or a [checks] section to fly.toml, or use --strategy rolling.",
        )
    images = {one.image for one in current.machines if one.group in names and one.image and not one.replaces}
    if len(images) > 1:
        told = ", ".join(sorted(images))
        raise Conflict(
            f"found multiple image versions: the machines of this app run {told}",
            hint="Bring all machines to one image first: fly deploy --strategy rolling",
        )


def greens_and_rest(changes: Iterable[Change]) -> tuple[list[UpdateMachine], list[Change]]:
    """Those that get a green machine, and those that are only updated: stopped machines, standbys, replacements."""
    changes = tuple(changes)
    blue = [change for change in changes if isinstance(change, UpdateMachine) and not change.skip_launch]
    chosen = {change.machine for change in blue}
    return blue, [change for change in changes if change.machine not in chosen]


def successors_of(standbys: Sequence[str], successors: Mapping[str, str]) -> list[str]:
    """Whom a standby stands by for, when machines were replaced."""
    return [successors.get(one, one) for one in standbys]
