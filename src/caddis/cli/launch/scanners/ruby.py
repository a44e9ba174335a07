"""Ruby: Rails, Rack and plain programs (facts: cli-deploy-launch 2.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.source import DEFAULT_PORT, Source
from caddis.cli.launch.scanners.writing import exec_form, head, ignore, web_line

_RAILS_PORT = 3000
_RUBY = (3, 1)  # of the base image
_STARTS = ("app.rb", "main.rb", "server.rb", "web.rb")
_LIBRARIES = {"pg": "libpq-dev", "sqlite3": "libsqlite3-dev pkg-config", "mysql2": "default-libmysqlclient-dev"}
_AT_RUN_TIME = {"pg": "libpq5", "sqlite3": "libsqlite3-0", "mysql2": "libmariadb3"}
_GEMFILE = 'source "https://rubygems.org"\ngem "rack", "~> 2.2"\ngem "puma"\n'
_IGNORED = ("log", "tmp", "vendor/bundle", ".bundle", "node_modules", "*.sqlite3", "config/master.key")


def scan_rails(folder: Folder) -> Source | None:
    """bin/rails, or Rails in config.ru or Gemfile.lock."""
    in_lock = re.search(r"^    rails \(", folder.text("Gemfile.lock"), re.MULTILINE)
    if not (folder.has("bin/rails") or "Rails" in folder.text("config.ru") or in_lock):
        return None
    gems = _gems(folder)
    sqlite = "sqlite3" in gems and not gems & {"pg", "mysql2"}
    env = {"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": "1", "RAILS_SERVE_STATIC_FILES": "1"}
    if sqlite:
        env["DATABASE_URL"] = "sqlite3:///data/production.sqlite3"
    steps = ["SECRET_KEY_BASE_DUMMY=1 SECRET_KEY_BASE=only-for-this-step bundle exec rails assets:precompile"]
    if not (folder.has_folder("app/assets") and gems & {"sprockets-rails", "propshaft", "sprockets"}):
        steps = []
    serve = f"exec bundle exec rails server -b 0.0.0.0 -p {_RAILS_PORT}"
    key = folder.text("config/master.key").strip()
    return Source(
        family="Rails",
        port=_RAILS_PORT,
        volume="/data" if sqlite else "",
        files=_files(
            folder,
            "Rails",
            f"bundle exec rails db:prepare && {serve}" if sqlite else serve,
            port=_RAILS_PORT,
            env=env,
            steps=steps,
        ),
        secrets={"RAILS_MASTER_KEY": key} if key else {"SECRET_KEY_BASE": ""},
        release_command="" if sqlite else "bundle exec rails db:prepare",
        notes=_version_notes(folder),
    )


def scan(folder: Folder) -> Source | None:
    """A Gemfile or a config.ru."""
    if not folder.has("Gemfile", "config.ru"):
        return None
    gems, start = _gems(folder), folder.first(*_STARTS)
    notes = _version_notes(folder)
    command: Sequence[str] | str
    if line := web_line(folder.text("Procfile")):
        command = f"exec {line}"
    elif folder.has("config.ru") and ("puma" in gems or not folder.has("Gemfile")):
        command = ["bundle", "exec", "puma", "--bind", f"tcp://[::]:{DEFAULT_PORT}"]
    elif folder.has("config.ru"):
        command = ["bundle", "exec", "rackup", "--host", "0.0.0.0", "--port", str(DEFAULT_PORT)]
    elif start and "sinatra" in gems:
        command = ["bundle", "exec", "ruby", start, "-o", "0.0.0.0", "-p", str(DEFAULT_PORT)]
    else:
        command = ["bundle", "exec", "ruby", start or "app.rb"]
        notes += (
            f"The app has to listen on port {DEFAULT_PORT}, which PORT in its environment names, on every address.",
        )
        if not start:
            notes += ("No file that starts the app was found: change the last line of the Dockerfile.",)
    env = {"RACK_ENV": "production", "APP_ENV": "production"}
    return Source(family="Ruby", files=_files(folder, "Ruby", command, port=DEFAULT_PORT, env=env), notes=notes)


def _files(
    folder: Folder,
    family: str,
    command: Sequence[str] | str,
    *,
    port: int,
    env: dict[str, str],
    steps: Sequence[str] = (),
) -> dict[str, str]:
    gems = _gems(folder)
    wanted = " ".join(
        ["ruby-dev gcc g++ make libyaml-dev", *(_LIBRARIES[gem] for gem in sorted(gems & set(_LIBRARIES)))]
    )
    libraries = " ".join(_AT_RUN_TIME[gem] for gem in sorted(gems & set(_AT_RUN_TIME)))
    install = "apt-get update && apt-get install -y --no-install-recommends"
    bundled = "BUNDLE_PATH=/bundle BUNDLE_WITHOUT=development:test"
    lines = [
        head(family, "ruby:3.1", "docker.io/library/ruby:3.3-slim"),
        "FROM $BASE AS build",
        *([f"RUN {install} {wanted}"] if gems else []),
        "WORKDIR /app",
        f"ENV {bundled}",
    ]
    lock = " Gemfile.lock" if folder.has("Gemfile.lock") else ""
    lines += [f"COPY Gemfile{lock} ./", "RUN bundle install"]
    lines += [
        "COPY . .",
        *(f"RUN {step}" for step in steps),
        "",
        "FROM $BASE",
        *([f"RUN {install} {libraries} && rm -rf /var/lib/apt/lists/*"] if libraries else []),
        "WORKDIR /app",
        f"ENV {bundled} PORT={port} " + " ".join(f"{name}={value}" for name, value in env.items()),
        "COPY --from=build /bundle /bundle",
        "COPY --from=build /app /app",
        f"EXPOSE {port}",
        f"CMD {exec_form(command)}",
    ]
    made = {} if folder.has("Gemfile") else {"Gemfile": _GEMFILE}
    return {**made, "Dockerfile": "\n".join(lines) + "\n", ".dockerignore": ignore(*_IGNORED)}


def _gems(folder: Folder) -> frozenset[str]:
    listed = re.findall(r"^\s*gem\s*\(?\s*[\"']([\w-]+)", folder.text("Gemfile"), re.MULTILINE)
    locked = re.findall(r"^    ([\w-]+) \(", folder.text("Gemfile.lock"), re.MULTILINE)
    return frozenset([*listed, *locked])


def _version_notes(folder: Folder) -> tuple[str, ...]:
    named = re.search(r"^\s*ruby\s+[\"'][~>=\s]*(\d+)\.(\d+)", folder.text("Gemfile"), re.MULTILINE)
    named = named or re.match(r"\s*(?:ruby-)?(\d+)\.(\d+)", folder.text(".ruby-version"))
    if named is None or (int(named[1]), int(named[2])) == _RUBY:
        return ()
    return (
        f"This app asks for Ruby {named[1]}.{named[2]}, and the base image made on the host has 3.1: name another base"
        " image in the Dockerfile's ARG BASE.",
    )
