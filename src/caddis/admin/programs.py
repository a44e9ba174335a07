"""How the API and the agents of an installation are started."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from caddis.admin.choices import DEFAULT_POOL_BLOCK, Choices
from caddis.admin.installation import Installation, zones
from caddis.admin.supervisor import Program
from caddis.kernel.command import Command
from caddis.wire.duration import parse_duration

ADOPT_DEADLINE = 7 * 86400.0  # seconds: a whole disk is copied, and each copy has a deadline of its own
DOWN_DEADLINE = 600.0  # seconds for stopping all machines of a host, each with its own kill timeout


def api_program(installation: Installation, chosen: Choices) -> Program:
    """The API."""
    return Program(
        name="the API",
        command=_python("caddis.api", "--data", str(installation.data), "--listen", chosen.listen),
        log=installation.data / "logs" / "api.log",
    )


def agent_program(
    installation: Installation, chosen: Choices, host: str, *, url: str, format_pool: bool = False
) -> Program:
    """One host's agent."""
    argv = (*_agent_arguments(installation, chosen, host), "--api", url)
    return Program(
        name=f"agent {host}",
        command=_python(
            "caddis.agent", *argv, *(("--format-pool",) if format_pool else ()), host=host, of=installation
        ),
        log=installation.data / "logs" / f"{host}.log",
    )


def agent_down(installation: Installation, chosen: Choices, host: str) -> Command:
    """The agent's one-shot mode: stops every machine of the host and detaches everything."""
    return _python("caddis.agent", *_agent_arguments(installation, chosen, host), "--down", host=host, of=installation)


def agent_adopt(installation: Installation, chosen: Choices, host: str, words: Sequence[str]) -> Command:
    """The agent's one-shot mode that takes over what another host's pool holds."""
    arguments = _agent_arguments(installation, chosen, host)
    return replace(_python("caddis.agent", *arguments, *words, host=host, of=installation), deadline=ADOPT_DEADLINE)


def _agent_arguments(installation: Installation, chosen: Choices, host: str) -> tuple[str, ...]:
    number = int(host[1:])
    zone = zones(installation.id, max(chosen.hosts, number), chosen.zone)[number - 1]
    argv = ["--data", str(installation.data), "--host", host, "--region", chosen.region, "--zone", zone]
    if chosen.pool:
        shared_folder = chosen.hosts > 1 and os.path.isdir(chosen.pool)
        argv += ["--pool", os.path.join(chosen.pool, host) if shared_folder else chosen.pool]
    argv += ["--undo", str(parse_duration(chosen.undo))]
    if chosen.pool_bytes:
        argv += ["--pool-size", str(chosen.pool_bytes)]
    if chosen.pool_block_bytes != DEFAULT_POOL_BLOCK:
        argv += ["--pool-block-size", str(chosen.pool_block_bytes)]
    argv += ["--io-limits", chosen.io_limits]
    if chosen.registry:
        argv += ["--registry", chosen.registry]
    return tuple(argv)


def _python(module: str, *arguments: str, host: str = "", of: Installation | None = None) -> Command:
    env = {name: value for name, value in os.environ.items() if name.startswith("CADDIS_")}
    if of is not None:
        env["CADDIS_HOST_TOKEN_FILE"] = str(of.data / "hosts" / host / "token")
    return Command(argv=(sys.executable, "-m", module, *arguments), env=env, deadline=DOWN_DEADLINE)
