"""`caddis env`: export lines for a shell, so that fly and an unmodified flyctl speak to this installation."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from caddis.admin.choices import read_choices
from caddis.admin.installation import Installation
from caddis.admin.options import data_option
from caddis.domain.errors import NotFound

_QUIET = (  # facts: flyctl-minimum-server section 0; flyctl only, fly does none of this
    ("FLY_SEND_METRICS", "0", "flyctl: send nothing to Fly.io about what you do"),
    ("FLY_SYNTHETICS_AGENT", "0", "flyctl: run no measuring agent in the background"),
    ("FLY_NO_UPDATE_CHECK", "1", "flyctl: do not look for newer versions of itself"),
    ("FLY_NO_INCIDENTS_CHECK", "1", "flyctl: do not ask Fly.io's status page"),
    ("FLY_TRACE_COLLECTOR_URL", "localhost", "flyctl: keep traces, and the token in them, on this computer"),
)


@click.command("env")
@data_option
def verb(data: Path) -> None:
    """Print export lines: where the API is, the token, and what keeps flyctl quiet. For: eval "$(caddis env)"."""
    installation = Installation(data)
    installation.require()
    url, token = installation.find_url(), installation.find_token()
    if url is None or token is None:
        raise NotFound(f"the installation in {installation.data} has never been up", hint="caddis up")
    kept = read_choices(installation.data / "settings.toml")
    print(export_lines(url, token, registry=kept.registry if kept else ""))


def export_lines(url: str, token: str, *, registry: str = "") -> str:
    """The lines, each below a comment that tells what it is for; quoted for any POSIX shell."""
    own = (registry, "the installation's registry: images that flyctl builds go there")
    none = ("registry.caddis.internal", "images that a host built itself have names below this")
    lines = [
        ("FLY_API_BASE_URL", url, "the API of this installation"),
        ("FLY_FLAPS_BASE_URL", url, "its Machines API, on the same port"),
        ("FLY_UIEX_BASE_URL", url, "its builds and releases, on the same port"),
        ("FLY_ACCESS_TOKEN", token, "the operator's token: it may do everything, keep it to yourself"),
        ("FLY_REGISTRY_HOST", *(own if registry else none)),
        *_QUIET,
    ]
    text = [f"# {comment}\nexport {name}={shlex.quote(value)}" for name, value, comment in lines]
    text.append('# flyctl: keep its own files out of ~/.fly\nexport FLY_CONFIG_DIR="$HOME/.config/caddis/flyctl"')
    return "\n".join(text)
