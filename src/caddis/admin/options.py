"""Options that several verbs take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from caddis.admin.installation import DEFAULT_DATA

F = TypeVar("F", bound=Callable[..., Any])


def data_option(function: F) -> F:
    """`--data DIR`, also from the environment as CADDIS_DATA."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_DATA,
        envvar="CADDIS_DATA",
        show_default=True,
        metavar="DIR",
        help="Folder with everything of this installation.",
    )(function)
