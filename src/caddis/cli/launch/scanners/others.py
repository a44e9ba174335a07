"""What is recognised although launch writes no Dockerfile for it: the person is told so by its name (2.4)."""

from __future__ import annotations

from collections.abc import Callable

from caddis.cli.launch.scanners.folder import Folder
from caddis.cli.launch.scanners.source import Source


def _named(family: str, port: int, is_it: Callable[[Folder], bool]) -> Callable[[Folder], Source | None]:
    note = f"fly launch writes no Dockerfile for {family} yet: write one, and run it again."

    def scan(folder: Folder) -> Source | None:
        return Source(family=family, port=port, buildable=False, notes=(note,)) if is_it(folder) else None

    return scan


scan_laravel = _named("Laravel", 8080, lambda folder: folder.has("artisan"))
scan_phoenix = _named("Phoenix", 8080, lambda folder: ":phoenix" in folder.text("mix.exs"))
scan_redwood = _named("Redwood", 8910, lambda folder: folder.has("redwood.toml"))
scan_elixir = _named("Elixir", 8080, lambda folder: folder.has("mix.exs"))
scan_deno = _named("Deno", 8080, lambda folder: folder.has("deno.json", "deno.jsonc"))
scan_dotnet = _named(
    ".NET", 8080, lambda folder: any("Sdk.Web" in folder.text(name) for name in folder.matching("*.csproj"))
)
scan_rust = _named("Rust", 8080, lambda folder: folder.has("Cargo.toml") and folder.has("Cargo.lock"))
