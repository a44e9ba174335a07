"""nftables: whole tables at a time, replaced in one transaction, so that doing it twice is the same as once."""

from __future__ import annotations

from caddis.kernel.command import Command, command


def replace_table(family: str, name: str, body: str) -> Command:
    """Ensure the table holds exactly `body`."""
    text = f"{_emptying(family, name)}table {family} {name} {{\n{body}}}\n"
    return command("nft", "-f", "-", stdin=text.encode())


def delete_table(family: str, name: str) -> Command:
    """Ensure there is no such table."""
    return command("nft", "-f", "-", stdin=_emptying(family, name).encode())


def _emptying(family: str, name: str) -> str:
    """Deleting what may not exist is an error; creating it first is not."""
    return f"table {family} {name}\ndelete table {family} {name}\n"
