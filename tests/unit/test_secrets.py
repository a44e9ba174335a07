"""Secrets: sealed, counted, imported, and never told."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from caddis.catalog import apps, organizations, secrets
from caddis.catalog.database import Catalog
from caddis.catalog.schema import app_secrets
from caddis.catalog.vault import CatalogKey, Vault
from caddis.cli.secrets.given import parse_import, read_pairs
from caddis.cli.secrets.statuses import status_of, summary, versions_of
from caddis.domain.errors import Damaged, Invalid
from caddis.domain.secret import MAX_ALL_BYTES, MAX_VALUE_BYTES, MachineSecrets, check_secret_name
from caddis.machines.sealing import Seal

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=200)
KEY = CatalogKey(bytes(32))


class Kept:
    """A catalog with two apps, and its vault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = Catalog.open(f"sqlite:///{folder}/catalog.sqlite")
        self.vault = Vault(folder / "catalog.key")
        owner = self.catalog.write(organizations.ensure_organization, "personal", "Personal", now=NOW)
        self.web, other = (
            self.catalog.write(apps.create_app, name, owner, network="default", now=NOW) for name in ("web", "shop")
        )
        self.app, self.other = self.web.id, other.id

    def change(self, app: int | None = None, *, now: datetime = NOW, **values: str | None) -> int:
        return self.catalog.write(secrets.change_secrets, self.vault, app or self.app, values, now=now)

    def values(self, app: int | None = None) -> dict[str, str]:
        return self.catalog.read(secrets.open_values, self.vault, app or self.app)[0]

    def bytes(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.glob("catalog.sqlite*"))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.catalog.close()


# --- sealed -----------------------------------------------------------------------------------------------------------
@given(NAMES, VALUES)
def test_a_value_comes_back_from_its_seal_and_from_no_other_place(name: str, value: str) -> None:
    sealed = KEY.seal(1, name, value)
    assert KEY.open(1, name, sealed) == value
    for wrong in ((2, name, sealed), (1, name + "x", sealed), (1, name, sealed[:-1] + bytes([sealed[-1] ^ 1]))):
        with pytest.raises(Damaged) as refused:
            KEY.open(*wrong)
        assert len(value) < 4 or value not in str(refused.value)
    with pytest.raises(Damaged):
        CatalogKey(bytes([1]) * 32).open(1, name, sealed)


@given(NAMES, VALUES, VALUES)
def test_digests_differ_with_value_app_name_and_key(name: str, value: str, other: str) -> None:
    digest = KEY.digest(1, name, value)
    assert digest == KEY.digest(1, name, value) and len(digest) == 16
    assert (digest == KEY.digest(1, name, other)) == (value == other)
    others = {
        KEY.digest(2, name, value),
        KEY.digest(1, name + "_", value),
        CatalogKey(b"1" * 32).digest(1, name, value),
    }
    assert digest not in others and len(others) == 3


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5))
def test_a_machines_secrets_open_for_it_alone(env: dict[str, str]) -> None:
    seal, given_ = Seal(bytes(32)), MachineSecrets(version=3, env=env, files={"F": "eA=="})
    sealed = seal.seal(given_, "0123456789abcd")
    assert seal.open(sealed, "0123456789abcd") == given_
    for opener, machine in ((seal, "1123456789abcd"), (Seal(b"1" * 32), "0123456789abcd")):
        with pytest.raises(Damaged) as refused:
            opener.open(sealed, machine)
        assert refused.value.hint == "give it the app's secrets anew: fly secrets deploy"


def test_nothing_is_sealed_to_nothing() -> None:
    seal = Seal(bytes(32))
    assert seal.seal(MachineSecrets(version=3), "m") == "" and seal.open("", "m").env == {}


def test_no_key_and_no_value_shows_in_a_debuggers_view() -> None:
    shown = repr([KEY, Seal(bytes(32)), MachineSecrets(version=1, env={"A": "hidden"}, files={"B": "hidden"})])
    assert "hidden" not in shown and "\\x00" not in shown


# --- in the catalog ---------------------------------------------------------------------------------------------------
def test_a_stolen_catalog_holds_no_value(kept: Kept) -> None:
    kept.change(PASSWORD="correct horse", TOKEN="battery staple")
    assert kept.values() == {"PASSWORD": "correct horse", "TOKEN": "battery staple"}
    written = kept.bytes()
    assert b"PASSWORD" in written
    assert b"horse" not in written and b"battery" not in written
    assert base64.b64encode(b"correct horse")[:12] not in written
    assert stat.S_IMODE(os.stat(kept.folder / "catalog.key").st_mode) == 0o600


def test_the_version_goes_up_with_every_change_and_never_down(kept: Kept) -> None:
    assert kept.change(A="1", B="2") == 1
    assert kept.change(A="1") == 1, "nothing changed"
    assert kept.change(A="3", now=LATER) == 2
    assert kept.change(A=None, C=None) == 3
    assert kept.change(C=None) == 3, "it was not there"
    assert kept.change(kept.other, A="1") == 1, "each app counts for itself"
    (only,), version = kept.catalog.read(secrets.list_secrets, kept.app)
    assert (only.name, only.version, version, only.created_at, only.updated_at) == ("B", 1, 3, NOW, NOW)


def test_a_secret_that_is_set_again_keeps_its_birthday(kept: Kept) -> None:
    kept.change(A="1")
    kept.change(A="2", now=LATER)
    (only,), _version = kept.catalog.read(secrets.list_secrets, kept.app)
    assert (only.created_at, only.updated_at, only.version) == (NOW, LATER, 2)


def test_secrets_go_with_their_app(kept: Kept) -> None:
    kept.change(A="1")
    kept.catalog.write(apps.delete_app, kept.web, now=NOW)
    assert kept.catalog.read(lambda one: one.execute(sa.select(app_secrets)).all()) == []


def test_all_of_an_app_together_are_bounded(kept: Kept) -> None:
    values = {f"N{number}": "x" * MAX_VALUE_BYTES for number in range(MAX_ALL_BYTES // MAX_VALUE_BYTES)}
    with pytest.raises(Invalid, match="1 MiB"):
        kept.change(**values)
    assert kept.change(**dict(list(values.items())[1:])) == 1
    with pytest.raises(Invalid, match="1 MiB"):
        kept.change(ANOTHER="x" * MAX_VALUE_BYTES)


def test_a_missing_key_is_not_replaced_while_it_is_needed(kept: Kept) -> None:
    kept.change(A="1")
    (kept.folder / "catalog.key").rename(kept.folder / "elsewhere")
    kept.vault = Vault(kept.folder / "catalog.key")
    for use in (kept.values, lambda: kept.change(B="2")):
        with pytest.raises(Damaged, match=r"catalog key .* is missing"):
            use()
    assert [one.name for one in kept.catalog.read(secrets.list_secrets, kept.app)[0]] == ["A"]
    assert kept.change(A=None) == 2, "what is lost can be unset"
    assert kept.change(B="2") == 3 and kept.values() == {"B": "2"}, "and set again, with a new key"


def test_another_key_than_the_one_that_sealed_is_refused(kept: Kept) -> None:
    kept.change(A="1")
    (kept.folder / "catalog.key").write_bytes(b"1" * 32)
    kept.vault = Vault(kept.folder / "catalog.key")
    for use in (kept.values, lambda: kept.change(B="2")):
        with pytest.raises(Damaged, match="another key"):
            use()


def test_a_key_that_came_to_nothing_with_its_transaction_is_kept_at_the_next(kept: Kept) -> None:
    def fail(connection: sa.Connection) -> None:
        kept.vault.ensure(connection)
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        kept.catalog.write(fail)
    kept.change(A="1")
    kept.vault = Vault(kept.folder / "catalog.key")
    assert kept.values() == {"A": "1"}


# --- as they are given ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("# A=1\n\n  # more\nB=x=y#z\n", {"B": "x=y#z"}),
        ("A=1\nA=2", {"A": "2"}),
        ("  A = 1 ", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ('A="1 2"\nB=\'3 "4"\'\nC="', {"A": "1 2", "B": '3 "4"', "C": '"'}),
        ("A=", {"A": ""}),
        ('A="""1"""', {"A": "1"}),
        ('A="""\n1\n2\n"""\nB=3', {"A": "1\n2\n", "B": "3"}),
        ('A="""1\n\n# 2\n B=3"""\n', {"A": "1\n\n# 2\n B=3"}),
        ("\ufeffA=1", {"A": "1"}),
        ("", {}),
    ],
)
def test_an_import_is_read(text: str, values: dict[str, str]) -> None:
    assert parse_import(text) == values


@pytest.mark.parametrize(
    ("text", "line"),
    [("A", 1), ("A=1\nhunter2", 2), ("A=1\nhunter 2=3", 2), ('\nA="""\nhunter2', 2), ("A=1\n=hunter2", 2)],
)
def test_an_import_that_cannot_be_read_names_the_line_and_quotes_nothing(text: str, line: int) -> None:
    with pytest.raises(Invalid) as refused:
        parse_import(text)
    assert f"line {line}" in str(refused.value) and "hunter" not in f"{refused.value} {refused.value.hint}"


@given(st.dictionaries(NAMES, VALUES.filter(lambda value: '"""' not in value and "\r" not in value), max_size=6))
def test_whatever_is_written_in_blocks_is_read_as_it_was(values: dict[str, str]) -> None:
    text = "".join(f'{name}="""\n{value}"""\n' for name, value in values.items() if not value.endswith('"'))
    assert parse_import(text) == {name: value for name, value in values.items() if not value.endswith('"')}


def test_pairs_are_read_with_one_value_from_stdin() -> None:
    assert read_pairs(["A=1", "B=x=y", "C=-"], lambda: "typed") == {"A": "1", "B": "x=y", "C": "typed"}
    for wrong in (["A"], ["=1"], ["1A=x"], ["A=-", "B=-"], ["A-B=hunter2"]):
        with pytest.raises(Invalid) as refused:
            read_pairs(wrong, lambda: "")
        assert "hunter2" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A.B", "A B", "Ä", "A=", "A\n", "x" * 256])
def test_names_that_no_variable_has_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_secret_name(name)


# --- whether machines have them ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("versions", "status"),
    [
        ([], "Staged"),
        ([1], "Staged"),
        ([2], "Deployed"),
        ([3, 2], "Deployed"),
        ([1, 1], "Staged"),
        ([1, 2], "Partial"),
        ([2, None], "Unknown"),
        ([None], "Unknown"),
    ],
)
def test_the_status_of_a_secret(versions: list[int | None], status: str) -> None:
    assert status_of({"name": "A", "version": 2}, versions) == status


def test_the_summary_says_what_is_to_be_done() -> None:
    assert "staged" in summary(["Deployed", "Partial"], [2, 1], 2)
    assert "unset" in summary(["Deployed"], [2], 3)
    assert summary(["Deployed"], [3], 3) == summary(["Unknown"], [None], 3) == ""


def test_machines_that_no_deploy_manages_count_only_where_there_are_no_others() -> None:
    loose = {"state": "started", "secrets_version": 1, "config": {}}
    managed = {"state": "started", "secrets_version": 2, "config": {"metadata": {"fly_platform_version": "v2"}}}
    assert versions_of([loose, managed]) == [2] and versions_of([loose]) == [1]
