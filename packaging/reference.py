"""Writes docs/reference/ from the programs themselves: `make docs`. A house test compares them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from caddis.admin.main import VERBS, caddis
from caddis.api.routes import ENTRIES, PASSAGES
from caddis.cli.nouns import LazyGroup, Leaf, Noun
from caddis.cli.tree import ROOT
from caddis.wire import stream

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
WIDTH = 110
PASSED_ON = {  # routes that the machine's host answers: the API hands them through
    "start": "Ask a machine to run.",
    "stop": "Ask a machine to stop.",
    "restart": "Stop and start a machine.",
    "signal": "Send a signal to a machine's first process.",
    "exec": "Run a program inside a machine, to its end.",
    "cordon": "Take a machine out of service.",
    "uncordon": "Put a machine back into service.",
    "wait": "Held until the machine is in one of the states asked for, or the time is over.",
    "ps": "What runs inside a machine, and what it listens on.",
    "events": "What happened to a machine, newest first.",
    "versions": "The configurations that a machine has had.",
    "metadata": "A machine's names and values: read, set or remove them.",
    "lease": "The right to change a machine: ask who has it, take or refresh it, give it back.",
}


def documents() -> dict[str, str]:
    """Every file of the reference by its name."""
    return {"fly.md": fly_document(), "caddis.md": caddis_document(), "api.md": api_document()}


def fly_document() -> str:
    """`fly`: every verb with its help."""
    lines = [*_opening("fly", "The commands for who runs apps. `flyctl` is the same program."), ""]
    group = LazyGroup(ROOT)
    for path, command, context in _verbs(group, click.Context(group, info_name="fly")):
        lines += [f"## {path}", "", "```", command.get_help(context).strip(), "```", ""]
    return "\n".join(lines)


def caddis_document() -> str:
    """`caddis`: every verb with its help."""
    lines = [*_opening("caddis", "The command for who runs the servers."), ""]
    above = click.Context(caddis, info_name="caddis", terminal_width=WIDTH, max_content_width=WIDTH)
    for name in VERBS:
        command = caddis.get_command(above, name)
        assert command is not None
        context = click.Context(
            command, info_name=name, parent=above, terminal_width=WIDTH, help_option_names=["-h", "--help"]
        )
        lines += [f"## caddis {name}", "", "```", command.get_help(context).strip(), "```", ""]
        for below, part in getattr(command, "commands", {}).items():
            inner = click.Context(part, info_name=below, parent=context, terminal_width=WIDTH)
            lines += [f"## caddis {name} {below}", "", "```", part.get_help(inner).strip(), "```", ""]
    return "\n".join(lines)


def api_document() -> str:
    """The API: every route, what it is for and who may call it."""
    lines = _opening(
        "The API", "Every route. Bodies are spelled as in Fly's Machines API; errors have `error` and `status`."
    )
    for entry in ENTRIES:
        lines += ["", f"## {entry.method} {entry.path}", "", f"{_purpose(entry)} For: {entry.access.value}."]
    lines += ["", "## Streams", "", inspect.cleandoc(stream.__doc__ or "")]
    for passage in PASSAGES:
        purpose = inspect.getdoc(passage.endpoint)
        lines += ["", f"## WebSocket {passage.path}", "", f"{purpose} For: {passage.access.value}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write what differs."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"docs: wrote {path.relative_to(FOLDER.parents[1])}")


def _opening(title: str, sentence: str) -> list[str]:
    return [f"# {title}", "", f"{sentence} Written by `make docs` from the program itself; edit nothing here."]


def _verbs(group: LazyGroup, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    for child in group.noun.children:
        if isinstance(child, Leaf) and child.instead:
            continue  # a name of old: what took its place is here
        command = group.get_command(context, child.name)
        assert command is not None
        below = click.Context(command, info_name=child.name, parent=context)
        if isinstance(child, Noun):
            assert isinstance(command, LazyGroup)
            yield from _verbs(command, below)
        else:
            yield below.command_path, command, below


def _purpose(entry: object) -> str:
    path, endpoint = str(getattr(entry, "path", "")), getattr(entry, "endpoint", None)
    verb = re.sub(r"^.*/machines/\{id\}/", "", path).partition("/")[0]
    if "/machines/{id}/" in path and verb in PASSED_ON:
        return PASSED_ON[verb]
    return " ".join((inspect.getdoc(endpoint) or "").partition("\n\n")[0].split())


if __name__ == "__main__":
    main()
