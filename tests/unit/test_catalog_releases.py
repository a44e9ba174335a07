"""Apps and their releases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caddis.catalog import apps, hosts, organizations, releases
from caddis.catalog.database import Catalog
from caddis.catalog.reports import HostCard, Report, accept_reports
from caddis.domain.app import App, AppStatus
from caddis.domain.errors import Invalid, NameTaken, NotFound
from caddis.domain.release import Release

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(f"sqlite:///{tmp_path}/catalog.sqlite")
    yield opened
    opened.close()


def _app(catalog: Catalog, name: str) -> App:
    owner = catalog.write(organizations.ensure_organization, "personal", "Personal", now=NOW)
    return catalog.write(apps.create_app, name, owner, network="default", now=NOW)


def _release(catalog: Catalog, app: App, id: str) -> Release:
    definition = {"app": app.name, "unknown": [1, {"deep": None}]}
    new = releases.NewRelease(id=id, image="web:1", definition=definition, strategy="rolling", user="ada")
    return catalog.write(releases.create_release, app, new, now=NOW)


def test_versions_count_within_their_app(catalog: Catalog) -> None:
    web, db = _app(catalog, "web"), _app(catalog, "db")
    made = [_release(catalog, web, "r1"), _release(catalog, db, "r2"), _release(catalog, web, "r3")]
    assert [release.version for release in made] == [1, 1, 2]


def test_a_definition_comes_back_unchanged(catalog: Catalog) -> None:
    made = _release(catalog, _app(catalog, "web"), "r1")
    assert catalog.read(releases.get_release, "r1") == made


def test_the_first_complete_release_deploys_the_app(catalog: Catalog) -> None:
    web = _app(catalog, "web")
    _release(catalog, web, "r1")
    catalog.write(releases.set_status, "r1", "failed")
    assert catalog.read(apps.get_app, "web").status is AppStatus.PENDING
    assert catalog.read(releases.find_current_release, web.id) is None
    _release(catalog, web, "r2")
    catalog.write(releases.set_status, "r2", "complete")
    assert catalog.read(apps.get_app, "web").status is AppStatus.DEPLOYED
    current = catalog.read(releases.find_current_release, web.id)
    assert current is not None and current.version == 2


def test_a_release_cannot_have_any_status(catalog: Catalog) -> None:
    _release(catalog, _app(catalog, "web"), "r1")
    with pytest.raises(Invalid, match="not one of"):
        catalog.write(releases.set_status, "r1", "wonderful")
    with pytest.raises(NotFound):
        catalog.write(releases.set_status, "r9", "running")


def test_a_name_is_taken_once(catalog: Catalog) -> None:
    _app(catalog, "web")
    with pytest.raises(NameTaken, match="Name has already been taken"):
        _app(catalog, "web")


def _with_volume(catalog: Catalog, app: str, *, state: str) -> None:
    catalog.write(hosts.ensure_host_token, "a", "token")
    card = HostCard(id="a", region="lhr", zone="z1", address="unix:/x", capacity="{}", book="")
    sequence = {"pending_destroy": 1, "destroyed": 2}[state]
    body = f'{{"id":"v1","n":{sequence}}}'
    report = Report(sequence=sequence, kind="volume", id="v1", app=app, body=body, state=state, name="d")
    catalog.write(accept_reports, card, [report], now=NOW)


def test_a_name_stays_its_organization_s_while_volumes_can_be_brought_back_under_it(catalog: Catalog) -> None:
    web = _app(catalog, "web")
    other = catalog.write(organizations.ensure_organization, "other", "Other", now=NOW)
    _with_volume(catalog, "web", state="pending_destroy")
    catalog.write(apps.delete_app, web, now=NOW)
    assert catalog.read(apps.find_app, "web") is None
    assert catalog.read(apps.list_apps, web.organization.id) == []
    with pytest.raises(NameTaken):
        catalog.write(apps.create_app, "web", other, network="default", now=NOW)
    again = _app(catalog, "web")
    assert again.status is AppStatus.PENDING
    catalog.write(apps.delete_app, again, now=NOW)
    _with_volume(catalog, "web", state="destroyed")
    catalog.write(apps.create_app, "web", other, network="default", now=NOW)


def test_a_suspended_app_stays_so_when_a_release_completes_and_returns_to_what_it_was(catalog: Catalog) -> None:
    web = _app(catalog, "web")
    catalog.write(apps.set_status, web.id, AppStatus.SUSPENDED)
    assert catalog.write(apps.end_suspension, web.id) is AppStatus.PENDING
    _release(catalog, web, "r1")
    catalog.write(apps.set_status, web.id, AppStatus.SUSPENDED)
    catalog.write(releases.set_status, "r1", "complete")
    assert catalog.read(apps.get_app, "web").status is AppStatus.SUSPENDED
    assert catalog.write(apps.end_suspension, web.id) is AppStatus.DEPLOYED
    assert catalog.read(apps.get_app, "web").status is AppStatus.DEPLOYED


def test_releases_go_with_their_app(catalog: Catalog) -> None:
    web = _app(catalog, "web")
    _release(catalog, web, "r1")
    catalog.write(apps.delete_app, web, now=NOW)
    with pytest.raises(NotFound):
        catalog.read(releases.get_release, "r1")
    assert _release(catalog, _app(catalog, "web"), "r2").version == 1


def test_what_runs_when_the_next_release_is_made_was_interrupted_unless_it_completes(
    catalog: Catalog,
) -> None:
    web = _app(catalog, "web")
    _release(catalog, web, "r1")
    catalog.write(releases.set_status, "r1", "running")
    _release(catalog, web, "r2")
    assert catalog.read(releases.get_release, "r1").status == "interrupted"
    assert catalog.read(releases.get_release, "r2").status == "pending"
    catalog.write(releases.set_status, "r1", "complete")
    assert catalog.read(releases.get_release, "r1").status == "complete"


def test_notes_are_kept_by_their_keys(catalog: Catalog) -> None:
    _release(catalog, _app(catalog, "web"), "r1")
    catalog.write(releases.patch_release, "r1", "running", notes={"snapshots": [1], "owed": [2]})
    patched = catalog.write(releases.patch_release, "r1", "complete", notes={"snapshots": [1, 3]})
    assert (patched.status, patched.metadata) == ("complete", {"snapshots": [1, 3], "owed": [2]})


def test_the_images_of_the_newest_complete_releases_are_to_be_kept(catalog: Catalog) -> None:
    web = _app(catalog, "web")
    for number, status in enumerate(("complete", "failed", "complete", "complete"), 1):
        _release(catalog, web, f"r{number}")
        catalog.write(releases.patch_release, f"r{number}", status, notes={"image_digest": f"sha256:{number}"})
    kept = catalog.read(releases.list_images_to_keep, web.id, most=2)
    assert kept == [("web:1", "sha256:4"), ("web:1", "sha256:3")]
