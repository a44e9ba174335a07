"""What a Python app depends on, and how that gets into a virtual environment: pip, PEP 621, poetry, uv, pipenv."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from caddis.cli.launch.scanners.folder import Folder
from caddis.domain.errors import Invalid

_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")
_PIP = "/venv/bin/pip install --no-cache-dir"
_LIST = "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\\n')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """`names` in lower case with dashes; `extras` such as "fastapi[standard]". `copies` are the files that `install`
    needs (all of the folder when ""), `python` is what the project says about Python's version."""

    names: frozenset[str]
    extras: frozenset[str] = frozenset()
    copies: str = ""
    install: str = ""
    prepare: str = ""
    script: str = ""
    python: str = ""


def read_requirements(folder: Folder) -> Requirements | None:
    """None when the folder has none of the known files. Invalid when one of them is broken."""
    if folder.has("poetry.lock") or "[tool.poetry" in folder.text("pyproject.toml"):
        return _poetry(folder)
    if folder.has("requirements.txt"):
        return _plain(folder)
    if folder.has("Pipfile"):
        return _pipenv(folder)
    if folder.has("pyproject.toml"):
        return _project(folder)
    return None


def _plain(folder: Folder) -> Requirements:
    text = folder.text("requirements.txt")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    # -r other.txt, -e ., ./wheels/x.whl: they need more than this one file.
    alone = not any(re.match(r"(-[rce]|--requirement|--constraint|--editable|\.|/|file:)", line) for line in lines)
    return replace(
        _listed(line for line in lines if not line.startswith("-")),
        copies="requirements.txt" if alone else "",
        install=f"{_PIP} -r requirements.txt",
        python=folder.text(".python-version").strip(),
    )


def _project(folder: Folder) -> Requirements:
    document = read_toml(folder, "pyproject.toml")
    project = _table(document.get("project"))
    scripts = _table(project.get("scripts"))
    wanted = _listed(_texts(project.get("dependencies")))
    python = str(project.get("requires-python", ""))
    if folder.has("uv.lock"):
        install = "UV_PROJECT_ENVIRONMENT=/venv /opt/tool/bin/uv sync --frozen --no-dev --no-install-project"
        return replace(
            wanted,
            copies="pyproject.toml uv.lock",
            prepare=_tool("uv"),
            install=install,
            python=python,
        )
    if scripts or (folder.has_folder("src") and "build-system" in document):
        return replace(wanted, install=f"{_PIP} .", script=next(iter(scripts), ""), python=python)
    install = f'python3 -c "{_LIST}" > /requirements.txt && {_PIP} -r /requirements.txt'
    if not _texts(project.get("dependencies")):
        install = ""
    return replace(wanted, copies="pyproject.toml", install=install, python=python)


def _poetry(folder: Folder) -> Requirements:
    document = read_toml(folder, "pyproject.toml")
    poetry = _table(_table(document.get("tool")).get("poetry"))
    listed = _table(poetry.get("dependencies"))
    names = [f"{name}[{','.join(_texts(_table(value).get('extras')))}]" for name, value in listed.items()]
    names += _texts(_table(document.get("project")).get("dependencies"))
    return replace(
        _listed(name.removesuffix("[]") for name in names),
        copies="pyproject.toml" + (" poetry.lock" if folder.has("poetry.lock") else ""),
        prepare=_tool("poetry"),
        install="VIRTUAL_ENV=/venv PATH=/venv/bin:$PATH /opt/tool/bin/poetry install --only main --no-root -n",
        python=str(listed.get("python", "")),
    )


def _pipenv(folder: Folder) -> Requirements:
    document = read_toml(folder, "Pipfile")
    locked = folder.has("Pipfile.lock")
    freeze = "/opt/tool/bin/pipenv requirements > /requirements.txt"
    if not locked:
        freeze = f"/opt/tool/bin/pipenv lock && {freeze}"
    return replace(
        _listed(_table(document.get("packages"))),
        copies="Pipfile Pipfile.lock" if locked else "Pipfile",
        prepare=_tool("pipenv"),
        install=f"{freeze} && {_PIP} -r /requirements.txt",
        python=str(_table(document.get("requires")).get("python_version", "")),
    )


def read_toml(folder: Folder, name: str) -> Mapping[str, Any]:
    """The file's document; Invalid, with the place of the fault, when it is no TOML."""
    try:
        return tomllib.loads(folder.text(name))
    except tomllib.TOMLDecodeError as broken:
        raise Invalid(f"{name} is not valid TOML: {broken}") from broken


def _tool(name: str) -> str:
    return f"python3 -m venv /opt/tool && /opt/tool/bin/pip install --no-cache-dir {name}"


def _listed(lines: Iterable[str]) -> Requirements:
    found = [match for match in map(_NAME.match, lines) if match]
    names = {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] or "" for match in found}
    extras = frozenset(name + extra for name, extra in names.items() if extra)
    return Requirements(names=frozenset(names), extras=extras)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
