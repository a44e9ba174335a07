"""Secrets: what an app's machines get in their environment and as files, and nobody else sees."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from caddis.domain.errors import Invalid

MAX_VALUE_BYTES = 64 << 10
MAX_ALL_BYTES = 1 << 20  # of one app, names included: the kernel takes 2 MiB of arguments and environment together
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What may be told of one. `version` is the app's when its value was last changed."""

    name: str
    digest: str
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MachineSecrets:
    """What one version of a machine gets: in its environment, and those that its files name. Never shown."""

    version: int
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # by the secret's name, base64

    def __repr__(self) -> str:
        return f"MachineSecrets(version={self.version}, ***)"

    def content_for(self, name: str, *, field: str) -> bytes:
        """The file that the secret holds; Invalid, without a word of its value, when there is none."""
        value = self.files.get(name)
        if value is None:
            raise Invalid(
                f"{field} names the secret {name}, which the app does not have",
                hint=f"set it first: base64 -w0 FILE | fly secrets set {name}=-",
                field=field,
            )
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise Invalid(
                f"{field} names the secret {name}, whose value is not base64: a file's has to be",
                hint=f"base64 -w0 FILE | fly secrets set {name}=-",
                field=field,
            ) from None


def check_secret_name(name: str) -> str:
    """The name itself; Invalid unless it can be that of an environment variable."""
    if not _NAME.match(name):
        raise Invalid(
            f"{name[:60]!r} cannot be the name of a secret: use letters, digits and underscores, not beginning with"
            " a digit, as for an environment variable",
            hint="fly secrets set DATABASE_URL=postgres://…",
            field="name",
        )
    return name


def check_secret_value(name: str, value: str) -> str:
    """The value itself; Invalid, without a word of it, when it cannot be in an environment."""
    size = len(value.encode(errors="surrogatepass"))
    if size > MAX_VALUE_BYTES:
        raise Invalid(
            f"the value of {name} has {size} bytes: the most is {MAX_VALUE_BYTES} (64 KiB)", field=f"values.{name}"
        )
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Invalid(f"the value of {name} holds characters that no environment variable can", field=f"values.{name}")
    return value


def check_total(sizes: Iterable[int]) -> None:
    """Invalid when an app's secrets would be more than machines can be started with."""
    total = sum(sizes)
    if total > MAX_ALL_BYTES:
        raise Invalid(
            f"the app's secrets would have {total} bytes together: the most is {MAX_ALL_BYTES} (1 MiB)",
            hint="keep large things on a volume, or in files of the image",
        )
