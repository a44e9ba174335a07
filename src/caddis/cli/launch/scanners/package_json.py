"""package.json, and which package manager its lock file belongs to. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from caddis.cli.launch.scanners.folder import Folder
from caddis.domain.errors import Invalid

NODE = 18  # of the base image


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """`packages` are dependencies of both kinds with their versions; `node` is what `node_for` says in "engines"."""

    packages: Mapping[str, str]
    has_dev_packages: bool
    scripts: Mapping[str, str]
    main: str
    node: str
    node_for: str
    manager: Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What installs packages: `get` brings the tool itself, `prune` takes away what only the build needs."""

    name: str
    files: str
    install: str
    production: str
    prune: str
    get: str = ""

    def run(self, script: str) -> list[str]:
        """The words that run a script of package.json."""
        return [self.name, "run", script]


def read_package(folder: Folder) -> Package | None:
    """None without a package.json. Invalid when it is none."""
    if not folder.has("package.json"):
        return None
    try:
        document = json.loads(folder.text("package.json"))
    except ValueError as broken:
        raise Invalid(f"package.json is not valid JSON: {broken}") from broken
    if not isinstance(document, dict):
        raise Invalid("package.json is not valid: it has to be an object, such as {}")
    dev = _texts(document.get("devDependencies"))
    packages = {**dev, **_texts(document.get("dependencies"))}
    node, node_for = _texts(document.get("engines")).get("node", ""), "package.json"
    if not node:
        node, node_for = _newest_node(folder, packages)
    main = document.get("main")
    return Package(
        packages=packages,
        has_dev_packages=bool(dev),
        scripts=_texts(document.get("scripts")),
        main=main if isinstance(main, str) else "",
        node=node,
        node_for=node_for,
        manager=_choose_manager(folder, str(document.get("packageManager") or "")),
    )


def newer_node(wanted: str) -> str:
    """The release of Node that the app asks for and the base image has not; "" when the base image will do."""
    found = re.findall(r"(?:^|\|\|)\s*(?:>=|\^|~|=|v)?\s*(\d+)", wanted)
    majors = sorted(int(major) for major in found)
    if not majors or majors[0] <= NODE:
        return ""
    return str(majors[0] + majors[0] % 2)  # odd releases are not kept


def _newest_node(folder: Folder, packages: Iterable[str]) -> tuple[str, str]:
    """Of the packages that npm's lock file has, what the one says that asks for the newest Node, and its name."""
    try:
        locked = json.loads(folder.text("package-lock.json") or "{}")["packages"]
        engines = {name: _texts(locked[f"node_modules/{name}"].get("engines")).get("node", "") for name in packages}
    except (ValueError, LookupError, TypeError, AttributeError):  # npm will say what is wrong with it
        return "", ""
    return max(((wanted, name) for name, wanted in engines.items()), key=lambda one: _major(one[0]), default=("", ""))


def _major(wanted: str) -> int:
    return int(newer_node(wanted) or 0)


def _choose_manager(folder: Folder, named: str) -> Tool:
    if folder.has("pnpm-lock.yaml") or named.startswith("pnpm@"):
        return _pnpm(folder, named)
    if folder.has("yarn.lock") or named.startswith("yarn@"):
        return _yarn(folder, named)
    locked = folder.has("package-lock.json", "npm-shrinkwrap.json")
    do = "npm ci" if locked else "npm install"
    return Tool(
        name="npm",
        files="package*.json" if not folder.has("npm-shrinkwrap.json") else "package*.json npm-shrinkwrap.json",
        install=f"{do} --include=dev",
        production=f"{do} --omit=dev",
        prune="npm prune --omit=dev",
    )


def _pnpm(folder: Folder, named: str) -> Tool:
    old = "lockfileVersion: '6" in folder.text("pnpm-lock.yaml") or "lockfileVersion: 5" in folder.text(
        "pnpm-lock.yaml"
    )
    version = named.partition("+")[0] or ("pnpm@8" if old else "pnpm@9")
    frozen = " --frozen-lockfile" if folder.has("pnpm-lock.yaml") else ""
    others = [name for name in ("pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc") if folder.has(name)]
    return Tool(
        name="pnpm",
        files=" ".join(["package.json", *others]),
        install=f"pnpm install{frozen} --prod=false",
        production=f"pnpm install{frozen} --prod",
        prune="CI=true pnpm prune --prod",
        get=f"npm install --global {version}",
    )


def _yarn(folder: Folder, named: str) -> Tool:
    modern = "__metadata:" in folder.text("yarn.lock") or re.match(r"yarn@([2-9])", named) is not None
    if modern:
        # The project names its own release, in packageManager or .yarnrc.yml; corepack fetches that one.
        return Tool(
            name="yarn",
            files="",
            install="yarn install --immutable" if folder.has("yarn.lock") else "yarn install",
            production="yarn install",
            prune="yarn workspaces focus --all --production",
            get="npm install --global corepack@0.31.0 && corepack enable",
        )
    frozen = " --frozen-lockfile" if folder.has("yarn.lock") else ""
    return Tool(
        name="yarn",
        files="package.json yarn.lock" if folder.has("yarn.lock") else "package.json",
        install=f"yarn install{frozen} --production=false",
        production=f"yarn install{frozen} --production",
        prune="yarn install --production --ignore-scripts --prefer-offline",
        get="npm install --global yarn@1.22.22",
    )


def _texts(value: Any) -> dict[str, str]:
    return {str(name): one for name, one in value.items() if isinstance(one, str)} if isinstance(value, dict) else {}
