"""Tokens: hashed, scoped, ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caddis.catalog import apps, bootstrap, organizations, tokens
from caddis.catalog.database import Catalog

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(f"sqlite:///{tmp_path}/catalog.sqlite")
    yield opened
    opened.close()


def _bootstrap(catalog: Catalog, kept: bootstrap.Credentials | None = None) -> bootstrap.Credentials:
    return catalog.write(bootstrap.bootstrap, kept=kept, hosts_wanted=("a", "b"), now=NOW, entropy=os.urandom)


def test_the_catalog_never_holds_a_token_in_the_clear(catalog: Catalog, tmp_path: Path) -> None:
    made = _bootstrap(catalog)
    catalog.close()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for token in (made.user_token, *made.host_tokens.values()):
        assert token.encode() not in written
        assert tokens.hash_token(token).encode() in written


def test_bootstrapping_again_keeps_tokens_that_are_still_good(catalog: Catalog) -> None:
    made = _bootstrap(catalog)
    assert _bootstrap(catalog, made) == made


def test_bootstrapping_without_the_old_tokens_ends_them(catalog: Catalog) -> None:
    old, new = _bootstrap(catalog), _bootstrap(catalog)
    assert catalog.read(tokens.find_caller, old.user_token, NOW) is None
    caller = catalog.read(tokens.find_caller, new.user_token, NOW)
    assert caller is not None and caller.organization.slug == "personal" and not caller.read_only


def test_tokens_do_not_look_like_macaroons(catalog: Catalog) -> None:
    assert not _bootstrap(catalog).user_token.startswith(("fm1r_", "fm1a_", "fm2_"))


def test_a_token_ends_at_its_time_and_not_before(catalog: Catalog) -> None:
    owner = catalog.write(organizations.ensure_organization, "personal", "Personal", now=NOW)
    end = NOW + timedelta(hours=1)
    catalog.write(tokens.create_token, "t", tokens.Reach(name="t", organization_id=owner.id), now=NOW, expires_at=end)
    assert catalog.read(tokens.find_caller, "t", end - timedelta(seconds=1)) is not None
    assert catalog.read(tokens.find_caller, "t", end) is None


def test_a_token_for_an_app_goes_with_the_app(catalog: Catalog) -> None:
    owner = catalog.write(organizations.ensure_organization, "personal", "Personal", now=NOW)
    app = catalog.write(apps.create_app, "web", owner, network="default", now=NOW)
    catalog.write(tokens.create_token, "t", tokens.Reach(name="t", organization_id=owner.id, app_id=app.id), now=NOW)
    caller = catalog.read(tokens.find_caller, "t", NOW)
    assert caller is not None and caller.app == "web"
    catalog.write(apps.delete_app, app, now=NOW)
    assert catalog.read(tokens.find_caller, "t", NOW) is None
