"""JavaScript: frameworks, servers and what builds into files (facts: cli-deploy-launch 2.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.package_json import Package, newer_node, read_package
from caddis.cli.launch.scanners.source import Source
from caddis.cli.launch.scanners.writing import BASES, exec_form, head, ignore

PORT, FILES_PORT = 3000, 8080
IGNORED = ("node_modules", "npm-debug.log*", ".next", ".nuxt", ".output", "coverage")
_MAINS = ("server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "src/index.js", "src/server.js")
_COMPILED = {"better-sqlite3", "sqlite3", "bcrypt", "canvas", "argon2", "node-pty"}
_EARLY = ("preinstall", "install", "postinstall", "prepare")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Framework:
    """Known by one of its `packages`. `output` is the folder of a build that any web server can serve; `start` the
    words that serve it otherwise, where package.json has no start script."""

    family: str
    packages: tuple[str, ...]
    output: str = ""
    start: str = ""


# In this order: a framework's own packages stand before those of what it is made of.
_FRAMEWORKS = (
    _Framework(family="Next.js", packages=("next",), start="npx next start"),
    _Framework(family="Nuxt", packages=("nuxt", "nuxt3"), start="node .output/server/index.mjs"),
    _Framework(family="Remix", packages=("@remix-run/serve", "@remix-run/node", "@react-router/serve")),
    _Framework(family="SvelteKit", packages=("@sveltejs/adapter-node",), start="node build"),
    _Framework(family="NestJS", packages=("@nestjs/core",), start="node dist/main"),
    _Framework(family="AdonisJS", packages=("@adonisjs/core",), start="node build/bin/server.js"),
    _Framework(family="Astro", packages=("@astrojs/node",), start="node dist/server/entry.mjs"),
    _Framework(family="Express", packages=("express",)),
    _Framework(family="Fastify", packages=("fastify",)),
    _Framework(family="Koa", packages=("koa",)),
    _Framework(family="Astro", packages=("astro",), output="dist"),
    _Framework(family="Gatsby", packages=("gatsby",), output="public"),
    _Framework(family="Create React App", packages=("react-scripts",), output="build"),
    _Framework(family="Vite", packages=("vite",), output="dist"),
    _Framework(family="Node", packages=()),
)


def scan(folder: Folder) -> Source | None:
    """A package.json. Invalid when it is broken."""
    package = read_package(folder)
    if package is None:
        return None
    framework = next(one for one in _FRAMEWORKS if not one.packages or package.packages.keys() & set(one.packages))
    build = "build" in package.scripts
    if framework.output and build and "start" not in package.scripts:
        return _served_as_files(folder, package, framework)
    start = _find_start(folder, package, framework)
    if not start:
        return None
    return _running(folder, package, framework, start=start)


def _find_start(folder: Folder, package: Package, framework: _Framework) -> list[str]:
    script = package.scripts.get("start", "")
    if framework.family == "Next.js":
        return ["npx", "next", "start"]
    if framework.family in ("Nuxt", "NestJS", "AdonisJS"):  # their start scripts are for developers
        production = next((name for name in ("start:prod", "start:production") if name in package.scripts), "")
        return package.manager.run(production) if production else framework.start.split()
    if re.fullmatch(r"node(\s+[\w./@=-]+)+", script):  # started without a package manager in between, it hears signals
        return script.split()
    if script:
        return package.manager.run("start")
    if framework.start:
        return framework.start.split()
    main = folder.first(*([package.main.removeprefix("./")] if package.main else []), *_MAINS)
    return ["node", main] if main else []


def _running(folder: Folder, package: Package, framework: _Framework, *, start: Sequence[str]) -> Source:
    family, manager = framework.family, package.manager
    needs_manager = start[0] == manager.name and bool(manager.get)
    prisma = "@prisma/client" in package.packages and folder.has("prisma/schema.prisma")
    sqlite = prisma and bool(re.search(r'provider\s*=\s*"sqlite"', folder.text("prisma/schema.prisma")))
    env = {"NODE_ENV": "production", "PORT": str(PORT)}
    if sqlite:
        env["DATABASE_URL"] = "file:/data/sqlite.db"
    if family in ("Nuxt", "Astro"):
        env["HOST"] = "::"  # these listen on localhost otherwise
    command: Sequence[str] | str = start
    if sqlite and folder.has_folder("prisma/migrations"):
        command = f"npx prisma migrate deploy && exec {' '.join(start)}"
    written = [
        *_built(folder, package, family, prune=not prisma),
        "",
        "FROM $BASE",
        "WORKDIR /app",
        *_other_node(package),
        *([f"RUN {manager.get}"] if needs_manager else []),
        "ENV " + " ".join(f"{name}={value}" for name, value in env.items()),
        "COPY --from=build /app /app",
        f"EXPOSE {PORT}",
        f"CMD {exec_form(command)}",
    ]
    files = {"Dockerfile": "\n".join(written) + "\n", ".dockerignore": ignore(*IGNORED)}
    return Source(
        family=family,
        port=PORT,
        volume="/data" if sqlite else "",
        files=files,
        release_command="npx prisma migrate deploy" if prisma and not sqlite else "",
        notes=(f"The app has to listen on port {PORT}, which PORT in its environment names, on every address.",),
    )


def _served_as_files(folder: Folder, package: Package, framework: _Framework) -> Source:
    written = [
        *_built(folder, package, framework.family, prune=False),
        "",
        f"FROM {BASES}nginx:1.22",
        f"COPY --from=build /app/{framework.output} /srv/www",
        f"EXPOSE {FILES_PORT}",
    ]
    files = {"Dockerfile": "\n".join(written) + "\n", ".dockerignore": ignore(*IGNORED, framework.output)}
    return Source(family=framework.family, port=FILES_PORT, files=files)


def _built(folder: Folder, package: Package, family: str, *, prune: bool) -> list[str]:
    """The stage that installs and builds."""
    manager, build = package.manager, "build" in package.scripts
    early = bool(package.scripts.keys() & set(_EARLY)) or folder.has("prisma/schema.prisma") or not manager.files
    lines = [
        head(family, "node:18", "docker.io/library/node:22-slim"),
        "FROM $BASE AS build",
        "WORKDIR /app",
        *_other_node(package),
    ]
    if _COMPILED & package.packages.keys():
        lines.append("RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ make python3")
    if manager.get:
        lines.append(f"RUN {manager.get}")
    lines.append("COPY . ." if early else f"COPY {manager.files} ./")
    lines.append(f"RUN {manager.install if build else manager.production}")
    if not early:
        lines.append("COPY . .")
    if build:
        lines.append(f"RUN {' '.join(manager.run('build'))}")
        if package.has_dev_packages and prune:
            lines.append(f"RUN {manager.prune}")
    return lines


def _other_node(package: Package) -> list[str]:
    newer = newer_node(package.node)
    if not newer:
        return []
    return [f"# {package.node_for} asks for Node {package.node}.", f"RUN npm install --global node@{newer}"]
