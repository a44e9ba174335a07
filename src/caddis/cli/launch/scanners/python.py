"""Python apps: FastAPI, Flask, Streamlit, and those that are just started (facts: cli-deploy-launch 2.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.python_image import python_files, version_notes
from caddis.cli.launch.scanners.requirements import Requirements, read_requirements
from caddis.cli.launch.scanners.source import DEFAULT_PORT, Source
from caddis.cli.launch.scanners.writing import web_line

_STARTS = ("main.py", "app.py", "server.py", "run.py", "wsgi.py", "asgi.py", "api.py", "web.py", "bot.py")
_FASTAPI_PORT, _STREAMLIT_PORT = 8000, 8501


def scan_flask(folder: Folder) -> Source | None:
    """Flask among the requirements, and a file that makes the app."""
    requirements = read_requirements(folder)
    if requirements is None or "flask" not in requirements.names:
        return None
    app = find_app(folder, "Flask")
    return _served(folder, requirements, "Flask", app=app, port=DEFAULT_PORT) if app else None


def scan(folder: Folder) -> Source | None:
    """Anything else with requirements, or a lone main.py."""
    requirements = read_requirements(folder)
    if requirements is None:
        if not folder.has(*_STARTS[:4]):
            return None
        requirements = Requirements(names=frozenset())
    if "fastapi" in requirements.names and (app := find_app(folder, "FastAPI")):
        return _served(folder, requirements, "FastAPI", app=app, port=_FASTAPI_PORT)
    if "streamlit" in requirements.names and (page := _find_page(folder)):
        return _streamlit(requirements, page)
    return _started(folder, requirements)


def find_app(folder: Folder, maker: str) -> str:
    """`module:name` of what is assigned `Maker(...)`, or of a function create_app; "" when there is none."""
    for name in _candidates(folder):
        text = folder.text(name)
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".").removeprefix("src.")
        found = re.search(rf"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?{maker}\(", text, re.MULTILINE)
        if found:
            return f"{module}:{found[1]}"
        if re.search(rf"\b{maker}\(", text) and (
            made := re.search(r"^def (create_app|make_app)\(", text, re.MULTILINE)
        ):
            return f"{module}:{made[1]}()"
    return ""


def _candidates(folder: Folder) -> list[str]:
    names = [*_STARTS, *(f"app/{name}" for name in (*_STARTS, "__init__.py"))]
    names += [f"src/{name}" for name in _STARTS]
    known = [name for name in names if folder.has(name)]
    others = [*folder.matching("*.py"), *folder.matching("*/main.py"), *folder.matching("*/app.py")]
    others += [*folder.matching("*/__init__.py"), *folder.matching("src/*/main.py"), *folder.matching("src/*/app.py")]
    others += [*folder.matching("*/server.py"), *folder.matching("*/wsgi.py")]
    return list(dict.fromkeys([*known, *others]))


def _served(folder: Folder, requirements: Requirements, family: str, *, app: str, port: int) -> Source:
    line = web_line(folder.text("Procfile"))
    extra: tuple[str, ...] = ()
    command: Sequence[str] | str
    if line:
        command = f"exec {line}"
    elif family == "FastAPI":
        standard = any(one.startswith("fastapi[") for one in requirements.extras)
        extra = () if standard or "uvicorn" in requirements.names else ("uvicorn",)
        factory = ["--factory"] if app.endswith("()") else []
        command = ["uvicorn", app.removesuffix("()"), *factory, "--host", "", "--port", str(port)]  # "": IPv4 and IPv6
    else:
        extra = () if "gunicorn" in requirements.names else ("gunicorn",)
        command = ["gunicorn", "--bind", f"[::]:{port}", "--access-logfile", "-", app]
    if not line and folder.has("src/" + app.split(":")[0].replace(".", "/") + ".py"):
        command = [*command[:1], "--app-dir" if family == "FastAPI" else "--chdir", "src", *command[1:]]
    files = python_files(family, requirements, command, port=port, extra=extra)
    return Source(family=family, port=port, files=files, notes=version_notes(requirements))


def _find_page(folder: Folder) -> str:
    names = ["streamlit_app.py", "Home.py", *_STARTS, *folder.matching("*.py")]
    return next((name for name in names if "streamlit" in folder.text(name)), "")


def _streamlit(requirements: Requirements, page: str) -> Source:
    command = ["streamlit", "run", page, "--server.port", str(_STREAMLIT_PORT)]
    files = python_files("Streamlit", requirements, [*command, "--server.headless", "true"], port=_STREAMLIT_PORT)
    return Source(family="Streamlit", port=_STREAMLIT_PORT, files=files, notes=version_notes(requirements))


def _started(folder: Folder, requirements: Requirements) -> Source:
    start = folder.first(*_STARTS, *(f"src/{name}" for name in _STARTS))
    notes = version_notes(requirements)
    command: Sequence[str] | str = ["python3", start]
    if line := web_line(folder.text("Procfile")):
        command = f"exec {line}"
    elif requirements.script:
        command = [requirements.script]
    elif not start:
        command = ["python3", "main.py"]
        notes += ("No file that starts the app was found: change the last line of the Dockerfile.",)
    files = python_files("Python", requirements, command, port=DEFAULT_PORT)
    notes += (f"The app has to listen on port {DEFAULT_PORT}, which PORT in its environment names, on every address.",)
    return Source(family="Python", files=files, notes=notes)
