"""What a deploy looks at, and what it does: the planner's input and output as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MountNow:
    """A machine's attachment; `name` is "" when nobody recorded the volume's name."""

    volume: str
    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineNow:
    """A machine that deploys manage. `crashed`: it stopped by itself, not because somebody asked.

    `replaces` and `replaced_by` are ids: an earlier deploy was killed while this machine was to take another's place,
    or another was to take its.
    """

    id: str
    group: str
    region: str
    state: str = "started"
    mount: MountNow | None = None
    host_ok: bool = True
    is_standby: bool = False
    crashed: bool = False
    image: str = ""
    is_canary: bool = False
    replaces: str = ""
    replaced_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A machine that an earlier deploy destroyed and could not create anew; its volume waits."""

    group: str
    region: str
    volume: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeNow:
    """A volume that no machine has, on a host that answers."""

    id: str
    name: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """`is_first`: no deploy of the app ever completed. `unattached` in the API's order."""

    machines: tuple[MachineNow, ...] = ()
    unattached: tuple[VolumeNow, ...] = ()
    is_first: bool = False
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MountWish:
    """A group's mount in fly.toml. Sizes in GB, 0 where it says none."""

    source: str
    destination: str
    initial_size: int = 0
    snapshot_retention: int | None = None
    scheduled_snapshots: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWish:
    """A process group."""

    name: str
    mount: MountWish | None = None
    has_services: bool = False
    has_checks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What fly.toml and the flags ask for. `volume_size` in GB, 0 when no flag says it."""

    groups: tuple[GroupWish, ...]
    region: str
    ha: bool = True
    update_only: bool = False
    volume_size: int = 0


# --- moves ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVolume:
    """Before anything else, on a first deploy only."""

    group: str
    name: str
    region: str
    size_gb: int
    snapshot_retention: int | None = None
    scheduled_snapshots: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyMachine:
    """Its process group is no longer in fly.toml, or it is what a killed deploy left. Its volume stays."""

    machine: str
    group: str
    is_left_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchMachine:
    """A new machine. `volume` is an id, NEW_VOLUME, or None without a mount; a standby stands by for the one before.

    `is_owed`: it comes in the place of one that an earlier deploy lost.
    """

    group: str
    region: str
    volume: str | None = None
    standby: bool = False
    is_owed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMachine:
    """The same machine, a new version. `path_changed`: the volume stays and appears elsewhere. `region` is its own."""

    machine: str
    group: str
    volume: str | None = None
    skip_launch: bool = False
    path_changed: bool = False
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceMachine:
    """Another machine in its place: which volume a machine has is settled when it is created.

    `loses` is the volume that the old one has, which stays without a machine.
    """

    machine: str
    group: str
    region: str
    volume: str | None = None
    skip_launch: bool = False
    loses: str | None = None


Change = UpdateMachine | ReplaceMachine
Move = CreateVolume | DestroyMachine | LaunchMachine | UpdateMachine | ReplaceMachine
NEW_VOLUME = "new"  # the volume that this plan's CreateVolume for the same group makes


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach:
    """A question: fly.toml has no mount any more for a machine that has one."""

    machine: str
    group: str
    volume: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Moves in the order in which they are made; questions to be answered with yes before the first."""

    moves: tuple[Move, ...]
    questions: tuple[Detach, ...] = ()
    announcements: tuple[str, ...] = ()
