"""The kept fake answers to the same contract as the real store."""

from __future__ import annotations

import pytest

from caddis.domain.errors import Conflict, NoCapacity
from contracts.moving_contract import MovingContract
from contracts.volumes_contract import Host, VolumesContract, create
from fakes.volumes import FakeVolumes


class FakeHost(Host):
    def __init__(self) -> None:
        self.store = FakeVolumes(capacity_gb=10)
        self.put_file = self.store.put_file  # type: ignore[method-assign]
        self.list_files = self.store.list_files  # type: ignore[method-assign]
        self.swap_images = self.store.swap_images  # type: ignore[method-assign]
        self.leftovers = self.store.leftovers  # type: ignore[method-assign]


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


class TestFakeVolumes(VolumesContract):
    pass


class TestFakeMoving(MovingContract):
    pass


def test_what_is_in_use_is_not_unmounted(host: FakeHost) -> None:
    volume = create(host.store)
    host.store.mount(volume)
    host.store.in_use.add(volume.id)
    with pytest.raises(Conflict):
        host.store.erase(volume.id)
    assert host.leftovers() == [f"mounted {volume.id}", f"image {volume.id} 1 GB", f"record {volume.id}"]


def test_a_planned_problem_comes_once(host: FakeHost) -> None:
    host.store.next_problem["allocate"] = NoCapacity("full")
    with pytest.raises(NoCapacity):
        create(host.store)
    create(host.store)
