"""Which app a verb of `fly apps` is about: the argument, else as everywhere."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.domain.errors import Invalid


def named_app(call: Call) -> str:
    """Its name; Invalid when argument and flag say two things, or nothing names one."""
    argument, flag = (call.arguments or ("",))[0], call.text("app")
    if argument and flag and argument != flag:
        raise Invalid(f"two app names specified: {argument} and {flag}, only one may be specified")
    return argument or call.app()
