"""A canary: one more machine of each group with the new release, tried and destroyed before any other is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from caddis.client.machines import create_machine

if TYPE_CHECKING:
    from caddis.cli.deploy.execute import Execution


def try_canaries(execution: Execution, regions: Mapping[str, str]) -> None:
    """By group; Problem when one does not become healthy. They are gone when this returns."""
    for group, region in regions.items():
        execution.progress.say(f"Creating canary machine for group {group}")
        document = execution.documents.document(group, volume=None)
        document["metadata"] = {**document["metadata"], "fly_canary": "true"}
        with execution.finishing.part():
            body = {"config": document, "region": region, "skip_service_registration": True}
            machine = str(execution.call.send(create_machine(execution.app, body))["id"])
        try:
            execution.see_it_run(machine, document, f"Canary machine {machine} [{group}]", group=group)
        finally:
            execution.seeing.seen.pop(group, None)
            execution.destroy(machine)
        execution.progress.end(machine, f"Canary machine {machine} [{group}] is healthy, and was destroyed again")
