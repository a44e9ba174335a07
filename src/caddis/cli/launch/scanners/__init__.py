"""Recognising what lies in a folder: each scanner is a pure function of the folder's names and texts.

It returns a Source, or None if the folder is not of its kind. ORDER is flyctl's (facts: cli-deploy-launch 2.4); the
first that finds something wins.
"""

from __future__ import annotations

from collections.abc import Callable

from caddis.cli.launch.scanners import django, dockerfile, go, node, others, python, ruby, static
from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.source import Source

Scanner = Callable[[Folder], Source | None]

ORDER: tuple[Scanner, ...] = (
    django.scan,
    others.scan_laravel,
    others.scan_phoenix,
    ruby.scan_rails,
    others.scan_redwood,
    node.scan,
    dockerfile.scan,
    ruby.scan,
    go.scan,
    others.scan_elixir,
    python.scan_flask,
    python.scan,
    others.scan_deno,
    static.scan,
    others.scan_dotnet,
    others.scan_rust,
)


def scan(folder: Folder) -> Source | None:
    """What the folder holds; None when no scanner knows it."""
    return next((source for scanner in ORDER if (source := scanner(folder)) is not None), None)
