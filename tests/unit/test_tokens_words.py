"""What makes a token."""

from __future__ import annotations

import pytest

from caddis.domain.errors import Invalid
from caddis.wire.token import token_request_from_wire


def test_a_wish_for_a_token_is_read() -> None:
    wish = token_request_from_wire({"kind": "deploy", "app": "web", "name": " ci ", "expiry": "24h"})
    assert (wish.kind, wish.app, wish.name, wish.seconds) == ("deploy", "web", "ci", 86_400.0)


def test_without_an_expiry_it_is_good_for_20_years_and_with_0_for_ever() -> None:
    assert token_request_from_wire({"kind": "org"}).seconds == 175_200 * 3600
    assert token_request_from_wire({"kind": "org", "expiry": "0s"}).seconds is None
    assert token_request_from_wire({"kind": "org", "expiry": "175200h0m0s"}).seconds == 175_200 * 3600


def test_a_token_without_a_name_is_called_by_its_kind() -> None:
    assert token_request_from_wire({"kind": "readonly", "name": ""}).name == "readonly token"


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "deploy"},
        {"kind": "org", "app": "web"},
        {"kind": "root"},
        {"kind": "org", "name": "a\nb"},
        {"kind": "org", "expiry": "1000000h"},
        {"kind": "org", "expiry": 3600},
        [],
    ],
)
def test_a_wrong_wish_is_refused(body: object) -> None:
    with pytest.raises(Invalid):
        token_request_from_wire(body)
