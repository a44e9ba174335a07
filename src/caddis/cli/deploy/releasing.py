"""The second half of a deploy and of a rollback: leases, the release, its machines, and what is said at the end."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caddis.cli.call import Call
from caddis.cli.deploy.current import Observed, observe
from caddis.cli.deploy.execute import Execution
from caddis.cli.deploy.finishing import FINISH_SECONDS
from caddis.cli.deploy.interrupts import interrupts
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.ledger import Ledger
from caddis.cli.deploy.machine_checks import machine_checks_for
from caddis.cli.deploy.moves import DestroyMachine, Plan, ReplaceMachine, UpdateMachine
from caddis.cli.deploy.options import Options
from caddis.cli.deploy.plan import onto_volumes, plan
from caddis.cli.deploy.progress import Progress
from caddis.cli.deploy.reach import tell_where
from caddis.cli.deploy.release_command import run_release_command
from caddis.cli.deploy.schedule import check_strategy
from caddis.cli.deploy.seeing import Seeing
from caddis.cli.deploy.selection import select_machines
from caddis.cli.deploy.snapshot_before import Snapshots
from caddis.cli.deploy.wanted import Documents, guest_of_new_machines, read_wanted
from caddis.client.platform import list_regions
from caddis.client.releases import create_release, note_release
from caddis.domain.errors import Conflict, Problem
from caddis.wire.fly_toml.groups import group_names

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

Wire = Mapping[str, Any]
KEPT_FILES_BYTES = 256 << 10  # of local files, with each release: they are told with every list of releases


def _no_volumes(_plan: Plan) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What is to be released. `make_volumes` is called under the leases: other volumes for machines, by their ids."""

    config: FlyToml
    image: str
    digest: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    extra_files: tuple[Mapping[str, str], ...] = ()
    description: str = ""
    make_volumes: Callable[[Plan], Mapping[str, str]] = _no_volumes

    @property
    def extras(self) -> dict[str, Any]:
        """What is not in the definition, and a rollback needs; local files as base64, if they are small."""
        small = sum(map(len, self.files.values())) <= KEPT_FILES_BYTES
        files = {path: base64.b64encode(content).decode() for path, content in self.files.items()} if small else {}
        found = {"env": dict(self.env), "files": files, "extra_files": [dict(one) for one in self.extra_files]}
        return {key: value for key, value in found.items() if value}


def make_plan(call: Call, intent: Intent, observed: Observed, options: Options, *, quiet: bool = False) -> Plan:
    """What is to be done, checked whole."""
    wanted = read_wanted(call, intent.config, region=intent.config.primary_region)
    current = select_machines(call, observed.current, wanted, quiet=quiet)
    check_strategy(options.strategy, wanted.groups, current)
    for group in group_names(intent.config):
        machine_checks_for(intent.config, group)
    return plan(current, wanted)


def refuse_suspended(observed: Observed) -> None:
    """Before anything is built or asked; the API refuses the release as well."""
    app = observed.app
    if app.get("status") == "suspended":
        raise Conflict(
            f"app {app['name']} is suspended: a deploy would start machines of it",
            hint=f"fly apps resume {app['name']}, then deploy again",
        )


def find_region(call: Call, observed: Observed) -> str:
    """Where fly.toml does not say: where the app's machines are, else the installation's nearest."""
    for machine in observed.current.machines:
        return machine.region
    return str(call.send(list_regions())["nearest"])


def release(call: Call, intent: Intent, options: Options) -> None:
    """All of it under leases, which are had before a release is begun."""
    app = intent.config.app
    with interrupts(), Leases(call.client, app, seconds=options.lease_seconds) as leases:
        observed, the_plan = _hold(call, intent, options, leases)
        the_plan = onto_volumes(the_plan, intent.make_volumes(the_plan))
        call.say(f"\nWatch your deployment with `fly status -a {app}` and `fly logs -a {app}`\n")
        begun = _begin(call, intent, options)
        documents = Documents(
            config=intent.config,
            image=intent.image,
            release_id=str(begun["id"]),
            release_version=int(begun["version"]),
            env=intent.env,
            files=intent.files,
            extra_files=intent.extra_files,
            new_guest=guest_of_new_machines(call),
        )
        execution = _execution(call, observed, options, documents=documents, leases=leases)
        execution.ledger.carry(observed.current.owed)
        _carry_out(execution, the_plan)
    warning = execution.seeing.warn_of_loopback()
    if warning:
        call.note(warning, "yellow")
    if os.environ.get("FLY_EMIT_RELEASE_JSON"):
        call.say(json.dumps({"id": begun["id"], "version": begun["version"], "image_ref": intent.image}))
    tell_where(call, app)


def _hold(call: Call, intent: Intent, options: Options, leases: Leases) -> tuple[Observed, Plan]:
    """The plan of what is seen under leases on all that it touches; looked at anew until there is nothing new."""
    held: set[str] = set()
    while True:
        observed = observe(call, intent.config.app)
        the_plan = make_plan(call, intent, observed, options, quiet=True)
        kinds = DestroyMachine | UpdateMachine | ReplaceMachine
        touched = sorted({move.machine for move in the_plan.moves if isinstance(move, kinds)} - held)
        if not touched:
            return observed, the_plan
        leases.acquire(touched)
        held.update(touched)


def _begin(call: Call, intent: Intent, options: Options) -> Wire:
    from caddis.wire.fly_toml.definition import definition

    request = create_release(
        intent.config.app,
        definition=definition(intent.config),
        image=intent.image,
        strategy=options.strategy,
        description=intent.description,
        metadata={"image_digest": intent.digest, "extras": intent.extras},
    )
    begun: Wire = call.send(request)["release"]
    call.send(note_release(str(begun["id"]), {}))
    return begun


def _execution(call: Call, observed: Observed, options: Options, *, documents: Documents, leases: Leases) -> Execution:
    app, config = documents.config.app, documents.config
    progress = Progress()
    ledger = Ledger(call, documents.release_id)
    return Execution(
        call=call,
        app=app,
        options=options,
        documents=documents,
        machines=observed.machines,
        current=observed.current,
        leases=leases,
        ledger=ledger,
        progress=progress,
        snapshots=Snapshots(call=call, app=app, wish=options.snapshot_before, ledger=ledger, progress=progress),
        seeing=Seeing(
            client=call.client,
            app=app,
            options=options,
            progress=progress,
            checks={group: machine_checks_for(config, group) for group in group_names(config)},
        ),
    )


def _carry_out(execution: Execution, the_plan: Plan) -> None:
    call, documents, options = execution.call, execution.documents, execution.options
    try:
        run_release_command(
            call,
            execution.app,
            documents=documents,
            options=options,
            machines=execution.machines.values(),
            is_first=execution.current.is_first,
        )
        execution.create_volumes(the_plan.moves)
        for line in the_plan.announcements:
            call.say(line)
        execution.run(the_plan)
    except KeyboardInterrupt:
        execution.finishing.close(FINISH_SECONDS)
        execution.ledger.end("interrupted", "")
        raise
    except Problem as problem:
        execution.ledger.end("failed", problem.message)
        raise
    finally:
        execution.progress.close()
    execution.ledger.end("complete", "")
