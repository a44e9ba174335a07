"""Starting a stopped machine with a volume, and creating a volume: through the API, against floor and containers."""

from __future__ import annotations

from pathlib import Path

from caddis.admin.measures import peers
from caddis.admin.measures.floor import floor
from caddis.admin.measures.row import Row, median_seconds
from caddis.admin.measures.subject import APP, Subject
from caddis.client import machines, volumes

_ROUNDS = 9


def measure(subject: Subject, parent: Path | None) -> list[Row]:
    """Two rows, in milliseconds."""
    start, create = _through_the_api(subject)
    with floor(parent) as bare:
        floor_create = median_seconds(bare.create_volume, rounds=_ROUNDS, between=bare.erase_volume)
        bare.create_volume()
        floor_start = median_seconds(bare.start, rounds=_ROUNDS, between=bare.stop)
    beside = {"floor": floor_start * 1000}
    beside |= {name: seconds * 1000 for name, seconds in peers.start_seconds(rounds=_ROUNDS).items()}
    docker_met = "docker" not in beside or start * 1000 <= 0.4 * beside["docker"]
    return [
        Row(
            name="start a stopped machine with a volume",
            unit="ms",
            caddis=start * 1000,
            beside=beside,
            target="<= 2 x floor, <= 0.4 x docker",
            met=start <= 2 * floor_start and docker_met,
        ),
        Row(
            name="create a volume of 1 GB",
            unit="ms",
            caddis=create * 1000,
            beside={"floor": floor_create * 1000},
            target="<= 4 x floor",
            met=create <= 4 * floor_create,
        ),
    ]


def _through_the_api(subject: Subject) -> tuple[float, float]:
    send = subject.client.send
    made: list[str] = []

    def destroy_last() -> None:
        send(volumes.destroy_volume(APP, made.pop()))

    create = median_seconds(lambda: made.append(subject.create_volume("created")), rounds=_ROUNDS, between=destroy_last)
    volume = subject.create_volume("started")
    machine = subject.create_machine(volume)

    def stop() -> None:
        send(machines.stop_machine(APP, machine, signal="SIGKILL"))
        send(machines.wait_for(APP, machine, ("stopped",), seconds=30))

    def start() -> None:
        send(machines.start_machine(APP, machine))
        send(machines.wait_for(APP, machine, ("started",), seconds=30))

    stop()
    seconds = median_seconds(start, rounds=_ROUNDS, between=stop)
    subject.destroy_machine(machine)
    send(volumes.destroy_volume(APP, volume))
    return seconds, create
