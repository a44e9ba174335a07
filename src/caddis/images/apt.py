"""What this computer's apt knows of Debian: where it comes from, and through which proxy."""

from __future__ import annotations

import os
import re
from pathlib import Path

from caddis.images.recipes import SUITE
from caddis.kernel.command import command, run
from caddis.kernel.skopeo import network_settings

_DEBIAN = "http://deb.debian.org/debian"


def find_sources(apt: Path) -> str:
    """What this computer's apt says about Debian itself in this suite, and nothing about anybody else's packages.

    Empty when it says nothing (another release, another distribution): then mmdebstrap asks deb.debian.org.
    """
    debian_line = re.compile(rf"deb\s+(\[[^\]]*\]\s+)?\S+\s+{SUITE}(-updates|-security)?\s+(\S+\s+)*main\b")
    one_line, stanzas = [], []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        text = path.read_text() if path.is_file() else ""
        if path.suffix == ".list":
            one_line += [line for line in text.splitlines() if debian_line.match(line)]
        elif path.suffix == ".sources":
            stanzas += [stanza.strip() for stanza in re.split(r"\n\s*\n", text) if _is_debians(stanza)]
    # The two forms cannot stand in one file; the newer one wins where both are used.
    return "\n\n".join(stanzas) + "\n" if stanzas else "".join(line + "\n" for line in one_line)


def add_backports(sources: str) -> str:
    """The same with the suite's backports, from where the suite itself comes."""
    for stanza in re.split(r"\n\s*\n", sources):
        fields = _fields(stanza)
        if SUITE in fields.get("Suites", "").split():
            signed = f"Signed-By: {fields['Signed-By']}\n" if fields.get("Signed-By") else ""
            wanted = f"URIs: {fields['URIs']}\nSuites: {SUITE}-backports\nComponents: main\n{signed}"
            return f"{sources}\nTypes: deb\n{wanted}"
    line = re.search(rf"^(deb\s+(?:\[[^\]]*\]\s+)?\S+)\s+{SUITE}\s", sources, re.MULTILINE)
    if line is not None:
        return f"{sources}{line[1]} {SUITE}-backports main\n"
    plain = sources or f"deb {_DEBIAN} {SUITE} main\ndeb {_DEBIAN}-security {SUITE}-security main\n"
    return f"{plain}deb {_DEBIAN} {SUITE}-backports main\n"


def proxies() -> dict[str, str]:
    """apt's own proxy, as the environment spells it: a setting handed to mmdebstrap would stay in the image."""
    said = run(command("apt-config", "shell", "proxy", "Acquire::http::Proxy")).text
    found = re.match(r"proxy='(.*)'", said)
    return {**network_settings(os.environ), **({"http_proxy": found.group(1)} if found and found.group(1) else {})}


def _is_debians(stanza: str) -> bool:
    fields = _fields(stanza)
    suites = {suite.removesuffix("-updates").removesuffix("-security") for suite in fields.get("Suites", "").split()}
    is_on = fields.get("Enabled", "yes").lower() != "no"
    return is_on and "deb" in fields.get("Types", "").split() and SUITE in suites and "main" in stanza.split()


def _fields(stanza: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, flags=re.MULTILINE))
