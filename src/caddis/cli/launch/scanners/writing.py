"""The texts of Dockerfiles and .dockerignore files that launch writes. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

BASES = "registry.caddis.internal/base/"
HEADER = """\
# Written by `fly launch` for {family}. It is yours: change what you like, `fly deploy` builds it.
"""
_OWN_BASE = """\
# The base image is made on the host from Debian's packages when it is first needed. To build upon another one:
#   fly deploy --build-arg BASE={example}
ARG BASE={base}
"""
# .dockerignore itself is not among them: it has to reach the host, whose build keeps these out of `COPY . .`.
_NEVER = ("fly.toml", ".git", ".gitignore", "Dockerfile", ".env", ".env.*", ".DS_Store")


def head(family: str, base: str, example: str) -> str:
    """The opening lines: whose file it is, and `ARG BASE`."""
    return HEADER.format(family=family) + _OWN_BASE.format(base=BASES + base, example=example)


def exec_form(command: Sequence[str] | str) -> str:
    """As CMD takes it: words as they are, a line through a shell that makes way for what it starts."""
    words = ["sh", "-c", command] if isinstance(command, str) else list(command)
    return json.dumps(words, ensure_ascii=False)


def ignore(*more: str) -> str:
    """A .dockerignore: what no image needs, and `more`."""
    return "# Written by `fly launch`: what the build does not need.\n" + "\n".join((*_NEVER, *more)) + "\n"


def web_line(procfile: str) -> str:
    """The command of a Procfile's web process, or ""."""
    found = re.search(r"^web:\s*(\S.*?)\s*$", procfile, re.MULTILINE)
    return found[1] if found else ""
