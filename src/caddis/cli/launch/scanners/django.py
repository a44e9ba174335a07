"""Django (facts: cli-deploy-launch 2.4)."""

from __future__ import annotations

import re

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.python_image import python_files, version_notes
from caddis.cli.launch.scanners.requirements import read_requirements
from caddis.cli.launch.scanners.source import Source
from caddis.cli.launch.scanners.writing import web_line

_PORT = 8000
_SERVERS = {"psycopg", "psycopg2", "psycopg2-binary", "mysqlclient", "dj-database-url", "django-environ"}


def scan(folder: Folder) -> Source | None:
    """Django among the requirements."""
    requirements = read_requirements(folder)
    if requirements is None or "django" not in requirements.names:
        return None
    project, notes = _find_project(folder), version_notes(requirements)
    manage = folder.first("manage.py")
    settings = folder.text(f"{project}/settings.py") or folder.text(f"{project}/settings/__init__.py")
    extra: tuple[str, ...] = ()
    line = web_line(folder.text("Procfile"))
    if not line and project:
        extra = () if "gunicorn" in requirements.names else ("gunicorn",)
        line = f"gunicorn --bind [::]:{_PORT} --workers 2 --access-logfile - {project}.wsgi"
    elif not line:
        line = f"python3 manage.py runserver [::]:{_PORT}"
        notes += ("No wsgi.py was found: change the last line of the Dockerfile to what serves the app.",)
    on_server = bool(_SERVERS & requirements.names)
    command = f"exec {line}" if on_server or not manage else f"python3 manage.py migrate --noinput && exec {line}"
    if not on_server:
        notes += ("Its database, if it is a file, is new at every start: put it on a volume to keep it (--volume).",)
    steps = (
        ["SECRET_KEY=only-for-this-step python3 manage.py collectstatic --noinput"] if "STATIC_ROOT" in settings else []
    )
    secret = re.search(r"(?:environ(?:\.get)?|getenv|config|env)\W{1,6}(\w*SECRET_KEY)", settings)
    return Source(
        family="Django",
        port=_PORT,
        files=python_files("Django", requirements, command, port=_PORT, extra=extra, steps=steps),
        secrets={secret[1]: ""} if secret else {},
        release_command="python3 manage.py migrate --noinput" if on_server and manage else "",
        notes=notes,
    )


def _find_project(folder: Folder) -> str:
    """The package with wsgi.py: manage.py names its settings; else the first that there is."""
    named = re.search(r"DJANGO_SETTINGS_MODULE\W+([\w.]+)\.settings", folder.text("manage.py"))
    if named and folder.has(f"{named[1].replace('.', '/')}/wsgi.py"):
        return named[1]
    found = folder.matching("*/wsgi.py")
    return found[0].partition("/")[0] if found else ""
