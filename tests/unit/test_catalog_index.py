"""Reports into the index, and out of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from caddis.catalog import hosts, index
from caddis.catalog.database import Catalog
from caddis.catalog.reports import Accepted, HostCard, Report, accept_reports
from caddis.domain.host import Capacity

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
_CAPACITY = '{"pool_bytes":10,"pool_promised":1,"memory_mb":1,"memory_promised_mb":0,"cpus":1,"encryption":"none"}'


def _card(host: str = "a", book: str = "") -> HostCard:
    return HostCard(id=host, region="lhr", zone="z1", address="unix:/x", capacity=_CAPACITY, book=book)


def _volume(sequence: int, id: str, *, state: str = "created", app: str = "web") -> Report:
    return Report(
        sequence=sequence, kind="volume", id=id, app=app, body=f'{{"id":"{id}","n":{sequence}}}', state=state, name="d"
    )


def _gone(sequence: int, id: str) -> Report:
    return Report(sequence=sequence, kind="volume", id=id, app="web", body=None)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(f"sqlite:///{tmp_path}/catalog.sqlite")
    for host in "ab":
        opened.write(hosts.ensure_host_token, host, "token")
    yield opened
    opened.close()


def _accept(catalog: Catalog, *reports: Report, card: HostCard | None = None) -> Accepted:
    return catalog.write(accept_reports, card or _card(), reports, now=NOW)


def _state(catalog: Catalog) -> dict[str, str]:
    return {volume.id: volume.body for volume in catalog.read(index.list_volumes, "web")}


def test_a_report_told_twice_is_taken_once(catalog: Catalog) -> None:
    _accept(catalog, _volume(1, "v1"), _volume(2, "v2"))
    again = _accept(catalog, _volume(1, "v1", state="destroyed"), _volume(2, "v2"))
    assert again.acknowledged == 2
    assert set(_state(catalog)) == {"v1", "v2"}


def test_an_old_report_that_comes_late_changes_nothing(catalog: Catalog) -> None:
    _accept(catalog, _volume(1, "v1"), _gone(2, "v1"))
    assert _accept(catalog, _volume(1, "v1")).acknowledged == 2
    assert _state(catalog) == {}


def test_a_batch_out_of_order_is_put_in_order(catalog: Catalog) -> None:
    _accept(catalog, _gone(3, "v1"), _volume(2, "v1"), _volume(1, "v1"))
    assert _state(catalog) == {}


def test_sequences_may_have_gaps_because_hosts_tell_only_the_last_of_several_changes(catalog: Catalog) -> None:
    _accept(catalog, _volume(1, "v1"))
    assert _accept(catalog, _volume(40, "v1")).acknowledged == 40
    assert _state(catalog) == {"v1": '{"id":"v1","n":40}'}


def test_whatever_is_repeated_the_index_ends_as_the_host_is(catalog: Catalog) -> None:
    chance = random.Random(7)
    history = [
        _gone(number, f"v{chance.randrange(4)}")
        if chance.random() < 0.3
        else _volume(number, f"v{chance.randrange(4)}")
        for number in range(1, 60)
    ]
    truth: dict[str, str] = {}
    for report in history:
        truth.pop(report.id, None) if report.body is None else truth.update({report.id: report.body})
    told = 0
    while told < len(history):
        start = max(0, told - chance.randrange(5))
        batch = history[start : told + chance.randrange(1, 6)]
        told = _accept(catalog, *batch).acknowledged
    assert _state(catalog) == truth


def test_a_heartbeat_keeps_a_host_alive_and_acknowledges_what_was_known(catalog: Catalog) -> None:
    _accept(catalog, _volume(3, "v1"))
    assert _accept(catalog).acknowledged == 3
    (host,) = catalog.read(hosts.list_hosts)
    assert host.last_seen == NOW and host.capacity == Capacity(
        pool_bytes=10, pool_promised=1, memory_mb=1, memory_promised_mb=0, cpus=1, encryption="none"
    )


def test_an_empty_catalog_asks_a_host_to_tell_everything(catalog: Catalog) -> None:
    assert _accept(catalog, _volume(500, "v1")).tell_everything
    assert not _accept(catalog, _volume(501, "v1")).tell_everything


def test_a_host_with_a_new_book_begins_anew(catalog: Catalog) -> None:
    _accept(catalog, _volume(50, "v1"), card=_card(book="one"))
    accepted = _accept(catalog, _volume(1, "v2"), card=_card(book="two"))
    assert accepted == Accepted(acknowledged=1, tell_everything=True)
    assert set(_state(catalog)) == {"v2"}


def test_hosts_do_not_disturb_one_another(catalog: Catalog) -> None:
    _accept(catalog, _volume(9, "v1"))
    _accept(catalog, _volume(1, "v2"), card=_card("b"))
    assert set(_state(catalog)) == {"v1", "v2"}
    assert {volume.host for volume in catalog.read(index.list_volumes, "web")} == {"a", "b"}


@pytest.mark.parametrize("kind", ["volumes", "machines"])
def test_one_apps_things_are_found_by_an_index(catalog: Catalog, kind: str) -> None:
    def explain(connection: sa.Connection) -> str:
        sql = f"EXPLAIN QUERY PLAN SELECT * FROM {kind} WHERE app = 'web' AND state != 'destroyed' ORDER BY id"
        return " ".join(str(row) for row in connection.exec_driver_sql(sql))

    plan = catalog.read(explain)
    assert f"USING INDEX {kind}_of_app" in plan and "TEMP B-TREE" not in plan
