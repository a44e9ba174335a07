"""Secrets as Fly spells them, and as a host is told of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caddis.domain.errors import Invalid
from caddis.domain.secret import MachineSecrets, Secret
from caddis.wire.secret import (
    IN_ORDER,
    machine_secrets_from_wire,
    machine_secrets_to_wire,
    secret_to_wire,
    secret_values_from_wire,
    secrets_to_wire,
    wanted_version,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = Secret(name="A", digest="0123456789abcdef", version=2, created_at=AT, updated_at=AT)


def test_a_list_tells_no_value_unless_it_is_handed_in() -> None:
    told = secrets_to_wire([SECRET], 3)
    assert told == {
        "secrets": [
            {
                "name": "A",
                "digest": "0123456789abcdef",
                "created_at": "2026-01-02T03:04:05.000000Z",
                "updated_at": "2026-01-02T03:04:05.000000Z",
                "version": 2,
            }
        ],
        "version": 3,
        "Version": 3,
    }
    assert secret_to_wire(SECRET, "hidden")["value"] == "hidden"


def test_null_unsets_and_text_sets() -> None:
    assert secret_values_from_wire({"values": {"A": "1", "B": None, "C": ""}}) == {"A": "1", "B": None, "C": ""}


@pytest.mark.parametrize("value", [5150, True, ["hunter"], {"a": "hunter"}, "hunter\0"])
def test_a_complaint_never_quotes_what_was_given(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        secret_values_from_wire({"values": {"A": value}})
    said = f"{refused.value} {refused.value.hint}"
    assert "5150" not in said and "hunter" not in said and "rue" not in said


def test_versions_are_whole_numbers() -> None:
    assert (wanted_version(""), wanted_version("7")) == (0, 7)
    for wrong in ("-1", "x", "1.5", "9" * 20, "٣"):
        with pytest.raises(Invalid):
            wanted_version(wrong)


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=20)),
    st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=20)),
)
def test_a_host_reads_what_control_wrote(env: dict[str, str], files: dict[str, str]) -> None:
    secrets = MachineSecrets(version=7, env=env, files=files)
    assert machine_secrets_from_wire({IN_ORDER: machine_secrets_to_wire(secrets)}) == secrets


def test_an_order_without_secrets_means_none() -> None:
    assert machine_secrets_from_wire({"config": {}}) == MachineSecrets(version=0)
