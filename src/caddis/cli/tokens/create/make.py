"""What the three kinds have in common: name, expiry, and that the token is told once (flyctl's words)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.flags import JSON, Flag, text
from caddis.cli.tables import as_json
from caddis.client.tokens import create_token

TWENTY_YEARS = "175200h0m0s"


def flags(name: str) -> tuple[Flag, ...]:
    """`name` is what the token is called when nobody says."""
    return (
        text("name", "n", help="Token name", default=name),
        text("expiry", "x", help="How long the token is good, such as 24h; 0s for ever", default=TWENTY_YEARS),
        JSON,
    )


def make(call: Call, kind: str, *, app: str = "", organization: str = "") -> None:
    """The token alone on a line, so that it can be put into a variable."""
    request = create_token(kind, name=call.text("name"), expiry=call.text("expiry"), app=app, organization=organization)
    token = call.send(request)["token"]
    call.say(as_json({"token": token}) if call.json else f"{token}\n", end="")
