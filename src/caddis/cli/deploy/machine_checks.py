"""[[machine_checks]]: a command in a machine of its own that tries a machine which was just started (fly-toml 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from caddis.cli.deploy.once import run_once
from caddis.client.machines import get_machine
from caddis.client.transport import Client
from caddis.domain.errors import Invalid, Problem
from caddis.wire.fly_toml.groups import sections_for, services_for
from caddis.wire.reading import Reader

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

Wire = Mapping[str, Any]
GROUP = "fly_app_test_machine_command"


def machine_checks_for(config: FlyToml, group: str) -> list[Wire]:
    """Those of the top level, and those of the group's services; Invalid for one without a command."""
    found: list[Wire] = list(config.machine_checks)
    if config.http_service is not None and sections_for(config, (config.http_service,), group):
        found += config.http_service.machine_checks
    for service in services_for(config, group):
        found += service.machine_checks
    for check in found:
        if not Reader(check).texts("command"):
            raise Invalid(
                "a machine check has no command: nothing would be tried",
                hint='Write it like command = ["curl", "-f", "http://[$FLY_TEST_MACHINE_IP]:8080"].',
                field="machine_checks.command",
            )
    return found


def run_machine_checks(
    client: Client, app: str, machine: str, *, checks: Sequence[Wire], document: Wire, seconds: float | None
) -> None:
    """One after the other; Problem, with the last lines, at the first that does not end with 0."""
    if not checks:
        return
    tried = client.send(get_machine(app, machine))
    for check in checks:
        config = _config(check, document, str(tried.get("private_ip") or ""))
        region = str(tried["region"])
        _, code, lines = run_once(client, app, config=config, region=region, seconds=seconds, what="machine check")
        if code != 0:
            said = "\n  ".join(["", *lines])
            raise Problem(
                f"machine check {' '.join(check['command'])} failed for {machine} with exit code {code}{said}"
            )


def _config(check: Wire, document: Wire, address: str) -> dict[str, Any]:
    reader = Reader(check)
    init: dict[str, Any] = {"cmd": list(reader.texts("command"))}
    if reader.texts("entrypoint"):
        init["entrypoint"] = list(reader.texts("entrypoint"))
    config: dict[str, Any] = {
        "image": reader.text("image") or document["image"],
        "init": init,
        "env": {**document["env"], "FLY_TEST_MACHINE_IP": address, "FLY_TEST_COMMAND": "1"},
        "metadata": {**document["metadata"], "fly_process_group": GROUP},
        "guest": document["guest"],
    }
    stop = {"signal": reader.text("kill_signal"), "timeout": reader.text("kill_timeout")}
    if any(stop.values()):
        config["stop_config"] = {key: value for key, value in stop.items() if value}
    return config
