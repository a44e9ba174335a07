"""The Dockerfile of a Python app: its packages in a virtual environment, without what built them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from caddis.cli.launch.scanners.requirements import Requirements
from caddis.cli.launch.scanners.writing import exec_form, head, ignore

PYTHON = (3, 11)  # of the base image
IGNORED = ("__pycache__", "*.pyc", ".venv", "venv", ".pytest_cache", ".mypy_cache", "*.sqlite3", "*.db")
_COMPILERS = "apt-get update && apt-get install -y --no-install-recommends gcc g++ make python3-dev"


def python_files(
    family: str,
    requirements: Requirements,
    command: Sequence[str] | str,
    *,
    port: int,
    extra: Sequence[str] = (),
    steps: Sequence[str] = (),
) -> dict[str, str]:
    """`extra` are packages that serve the app and that it does not list; `steps` run beside the app's files."""
    written = [
        head(family, "python:3.11", "docker.io/library/python:3.12-slim"),
        "FROM $BASE AS build",
        "WORKDIR /app",
        "RUN python3 -m venv /venv",
    ]
    if requirements.prepare:
        written.append(f"RUN {requirements.prepare}")
    if requirements.install:
        copies = f"{requirements.copies} ./" if requirements.copies else ". ."
        written += [f"COPY {copies}", *_installing(requirements.install)]
    if extra:
        written += [
            f"# The app does not list what serves it; put {' '.join(extra)} among its packages to choose the version.",
            f"RUN /venv/bin/pip install --no-cache-dir {' '.join(extra)}",
        ]
    written += [
        "",
        "FROM $BASE",
        "WORKDIR /app",
        "COPY --from=build /venv /venv",
        f"ENV PATH=/venv/bin:$PATH PORT={port}",
        "COPY . .",
        *(f"RUN {step}" for step in steps),
        f"EXPOSE {port}",
        f"CMD {exec_form(command)}",
    ]
    return {"Dockerfile": "\n".join(written) + "\n", ".dockerignore": ignore(*IGNORED)}


def version_notes(requirements: Requirements) -> tuple[str, ...]:
    """A sentence when the project asks for a newer Python than the base image has."""
    found = re.search(r"(?:^|>=|~=|==|\^|~)\s*(\d+)\.(\d+)", requirements.python)
    if found is None or (int(found[1]), int(found[2])) <= PYTHON:
        return ()
    return (
        f"This app asks for Python {requirements.python}, and the base image made on the host has 3.11: name another"
        " base image in the Dockerfile's ARG BASE if it does not run.",
    )


def _installing(install: str) -> list[str]:
    return [
        "# What has no wheel is compiled: only then are compilers fetched, and they stay out of the image.",
        f"RUN ({install}) \\",
        f" || ({_COMPILERS} \\",
        f"     && {install})",
    ]
