"""The guests of the vm rung: two at a time, each started once, begun before the first test that needs one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from vm.guest import find_accelerator
from vm.recipe import libraries, make_parts

AT_ONCE = 2  # a guest without KVM takes a processor to itself, and most of what it needs is not more memory
TIMEOUT = 3600  # seconds, for the test that waits for the first guest: only what hangs may reach it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Any, Future[Any]]]:
    """A future for every job that a chosen test asks for, the longest first."""
    parts = make_parts()
    libraries()
    accelerator = find_accelerator(parts)
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    jobs = dict.fromkeys(call.params["job"] for call in calls if call is not None and "job" in call.params)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {job: pool.submit(job.run, parts, accelerator, tmp_path_factory.mktemp("guest")) for job in jobs}
        yield futures
        for future in futures.values():
            future.cancel()


@pytest.fixture
def result(started: dict[Any, Future[Any]], job: Any) -> Any:
    """What came of the test's job."""
    return started[job].result()
