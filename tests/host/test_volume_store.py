"""The real store answers to the contract, on real loop devices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.moving_contract import MovingContract
from contracts.volumes_contract import VolumesContract
from real_store import RealHost, temporary_host

pytestmark = pytest.mark.host


@pytest.fixture
def host() -> Iterator[RealHost]:
    with temporary_host() as host:
        host.open()
        yield host


class TestRealVolumes(VolumesContract):
    pass


class TestRealMoving(MovingContract):
    pass
