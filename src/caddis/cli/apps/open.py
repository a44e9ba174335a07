"""`fly apps open [path]` (facts: cli-deploy-launch 6)."""

from __future__ import annotations

import os

from caddis.cli.call import Call
from caddis.cli.deploy.reach import urls_of
from caddis.cli.flags import APP_FLAGS
from caddis.cli.verb import at_most, verb
from caddis.client.apps import get_app
from caddis.client.machines import list_machines
from caddis.domain.errors import NotFound

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def run(call: Call) -> None:
    """In a browser where somebody has one; else the address is printed."""
    app = call.app()
    call.send(get_app(app))
    urls = [url for machine in call.send(list_machines(app)) for url in urls_of(machine)]
    url = next((url for url in urls if url.startswith("http")), "")
    if not url:
        raise NotFound(
            f"app {app} has no machine that runs and serves HTTP", hint=f"fly status -a {app} shows its machines."
        )
    path = call.arguments[0].lstrip("/") if call.arguments else ""
    url = f"{url}/{path}"
    if call.interactive and any(os.environ.get(name) for name in _SCREENS):
        import webbrowser

        call.say(f"opening {url} ...")
        if webbrowser.open(url):
            return
        raise NotFound("no browser could be started", hint=f"open {url} yourself")
    call.say(url)
    call.note("This address is reached from the host that the machine runs on: apps have no public names yet.")


COMMAND = verb(
    run,
    usage="open [path]",
    long="""Open an app in the browser, or print its address where there is none.

Apps have no public names yet, so the address is that of a machine that runs, and is reached from that machine's host.
Without a display (DISPLAY, WAYLAND_DISPLAY or BROWSER) or a terminal it is printed, alone on standard output.""",
    examples=("fly apps open -a web", "fly open /admin", 'curl "$(fly open -a web 2>/dev/null)"'),
    flags=APP_FLAGS,
    count=at_most(1),
)
