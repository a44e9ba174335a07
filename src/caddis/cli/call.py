"""One call of a verb: its arguments and flags, the app it is about, the API, and the person who typed it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caddis.cli.flags import Value
from caddis.cli.terminal import is_interactive, paint
from caddis.cli.verb import comma_items, parameter_name
from caddis.domain.errors import Invalid

if TYPE_CHECKING:
    from caddis.client.request import Request
    from caddis.client.transport import Client

_TRUTHY = {"1", "ok", "t", "true"}


class Call:
    """What a verb's `run` is handed."""

    def __init__(self, context: click.Context, arguments: tuple[str, ...], values: Mapping[str, Any]) -> None:
        self.context = context
        self.arguments = arguments
        self._values = values
        self._client: Client | None = None

    @classmethod
    def from_context(cls, context: click.Context, values: Mapping[str, Any]) -> Call:
        """From click's parameters; global flags may also stand before the verb's name."""
        merged = dict(values)
        parent = context.parent
        while parent is not None:
            for name, value in parent.params.items():
                merged[name] = merged.get(name) or value
            parent = parent.parent
        return cls(context, tuple(merged.pop("arguments")), merged)

    # --- flags -------------------------------------------------------------------------------------------------------
    def _value(self, name: str) -> Value | None:
        value: Value | None = self._values[parameter_name(name)]
        return value

    def text(self, name: str) -> str:
        """A flag's text, "" when it was not given."""
        value = self._value(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """A flag's whole number, 0 when it was not given and has no default."""
        value = self._value(name)
        return value if isinstance(value, int) else 0

    def decimal(self, name: str) -> float:
        """A flag's number."""
        value = self._value(name)
        return float(value) if isinstance(value, int | float) else 0.0

    def switch(self, name: str) -> bool:
        """Whether a switch is on."""
        return self._value(name) is True

    def many(self, name: str) -> tuple[str, ...]:
        """Everything given for a flag that may be repeated, as it was written."""
        value = self._value(name)
        return value if isinstance(value, tuple) else ()

    def items(self, name: str) -> tuple[str, ...]:
        """The items of a comma list, over all its repetitions."""
        return comma_items(self.many(name), self.context)

    def given(self, name: str) -> bool:
        """Whether the flag stands on the command line."""
        source = self.context.get_parameter_source(parameter_name(name))
        return source is click.core.ParameterSource.COMMANDLINE

    @property
    def json(self) -> bool:
        """Whether to answer in JSON; never where the verb has no such flag."""
        if "flag_json" not in self._values:
            return False
        return self.switch("json") or os.environ.get("FLY_JSON", "").lower() in _TRUTHY

    @property
    def interactive(self) -> bool:
        """Whether somebody can be asked."""
        return is_interactive()

    # --- the server --------------------------------------------------------------------------------------------------
    @property
    def client(self) -> Client:
        """The API; opened with the first request."""
        if self._client is None:
            from caddis.client.settings import load_settings
            from caddis.client.transport import Client

            self._client = Client(load_settings(os.environ, token=self.text("access-token")))
            self.context.call_on_close(self._client.close)
        return self._client

    def send(self, request: Request) -> Any:
        """The decoded answer to one request."""
        return self.client.send(request)

    # --- the app -----------------------------------------------------------------------------------------------------
    def find_app(self) -> str:
        """--app, FLY_APP or the config file's `app`; "" when none of them names one (facts: cli-volumes 0.2)."""
        named = self.text("app") or os.environ.get("FLY_APP", "")
        if named:
            return named
        path = self.find_config()
        if path is None:
            return ""
        from caddis.cli.config_file import read_app_name

        return read_app_name(path)

    def app(self) -> str:
        """`find_app`, or Invalid with what to do."""
        name = self.find_app()
        if not name:
            raise Invalid(
                "the config for your app is missing an app name",
                hint='Add `app = "NAME"` to fly.toml, or use the -a flag: -a NAME',
            )
        return name

    def find_config(self) -> Path | None:
        """The config file that --config names, or the one in this folder."""
        from caddis.cli.config_file import find_config

        return find_config(self.text("config") if "flag_config" in self._values else "", Path.cwd())

    # --- the person --------------------------------------------------------------------------------------------------
    def say(self, words: str = "", *, end: str = "\n") -> None:
        """On stdout: what was asked for."""
        print(words, end=end, flush=True)

    def note(self, words: str, colour: str = "") -> None:
        """On stderr: what is going on."""
        print(paint(words, colour, sys.stderr) if colour else words, file=sys.stderr, flush=True)

    def confirm(self, question: str, *, default: bool = False) -> bool:
        """Ask; Invalid, naming the flag, where nobody can be asked."""
        from caddis.cli.prompts import confirm

        if not self.interactive:
            raise Invalid("yes flag must be specified when not running interactively", hint="Add --yes (-y).")
        return confirm(question, default=default)
