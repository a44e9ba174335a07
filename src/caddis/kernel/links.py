"""Links, addresses and routes by `ip`, many lines at a time: a program start costs more than what a line does."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from caddis.kernel.command import Command, command, run


def batch(*lines: str, netns: str | None = None) -> Command:
    """Carry out `lines` one after the other, stopping at the first that fails; inside a namespace if one is named."""
    where = ("-netns", netns) if netns else ()
    return command("ip", *where, "-batch", "-", stdin="".join(f"{line}\n" for line in lines).encode())


def exists(name: str) -> bool:
    """Whether this namespace has a link of that name."""
    return os.path.exists(f"/sys/class/net/{name}")


def is_in_bridge(name: str, bridge: str) -> bool:
    """Whether the link is one of the bridge's."""
    return os.path.exists(f"/sys/class/net/{bridge}/brif/{name}")


def has_ipv6() -> bool:
    """Whether the kernel does IPv6 on new links."""
    try:
        return Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").read_text().strip() == "0"
    except FileNotFoundError:
        return False


def read_addresses(text: str, link: str) -> frozenset[str]:
    """The addresses of a link that is up, in the text of `ip -j addr show`. Pure."""
    document: list[dict[str, Any]] = json.loads(text or "[]")
    return frozenset(
        about["local"]
        for entry in document
        if entry.get("ifname") == link and "UP" in entry.get("flags", ())
        for about in entry.get("addr_info", ())
        if "local" in about
    )


def list_addresses(netns: str, link: str) -> frozenset[str]:
    """The addresses of a link in a namespace; empty when it is not up."""
    return read_addresses(run(command("ip", "-netns", netns, "-j", "addr", "show")).text, link)


def read_routes(text: str) -> list[tuple[str, str]]:
    """(destination, device or type) of each IPv4 route in the text of `ip -j route`; "default" is left out. Pure."""
    document: Sequence[dict[str, Any]] = json.loads(text or "[]")
    return [(entry["dst"], entry.get("dev", entry.get("type", ""))) for entry in document if entry["dst"] != "default"]


def list_routes() -> list[tuple[str, str]]:
    """The IPv4 routes of this namespace, those of the main table."""
    return read_routes(run(command("ip", "-4", "-j", "route", "show")).text)
