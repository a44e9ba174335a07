"""One deploy from a configuration to running machines; `fly launch` ends in it too (facts: cli-deploy-launch 1.2)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caddis.cli.call import Call
from caddis.cli.config.checking import tell_findings
from caddis.cli.deploy.current import Observed, observe
from caddis.cli.deploy.execute import Execution
from caddis.cli.deploy.image import choose_image
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.moves import Plan
from caddis.cli.deploy.options import Options, read_options
from caddis.cli.deploy.plan import plan
from caddis.cli.deploy.reach import tell_where
from caddis.cli.deploy.release_command import run_release_command
from caddis.cli.deploy.selection import select_machines
from caddis.cli.deploy.wanted import Documents, guest_of_new_machines, read_files, read_wanted
from caddis.client.platform import list_regions
from caddis.client.releases import create_release, finish_release
from caddis.domain.errors import Conflict, Problem

if TYPE_CHECKING:
    from caddis.wire.fly_toml.config import FlyToml

Wire = Mapping[str, Any]


def roll_out(call: Call, config: FlyToml, *, name: str, folder: Path) -> None:
    """Everything that can be refused is refused before the build; leases go back whatever happens."""
    app = config.app
    call.note("==> Verifying app config", "green")
    tell_findings(call, config, name, groups=call.items("process-groups") or None)
    call.note("--> Verified app config", "green")
    options = read_options(call, config)
    observed = observe(call, app)
    _refuse_suspended(observed)
    region = call.text("primary-region") or config.primary_region or _region(call, observed)
    config = replace(config, primary_region=region)
    _answer_questions(call, _plan(call, config, observed, region))
    image = choose_image(call, app, config, folder)
    if call.switch("build-only"):
        return
    observed = observe(call, app)  # a build takes its time
    the_plan = _plan(call, config, observed, region)
    if observed.unmanaged and not observed.machines:
        call.note(f"WARNING: {app} has machines that deploys do not manage; they are left alone", "yellow")
    call.say(f"\nWatch your deployment with `fly status -a {app}` and `fly logs -a {app}`\n")
    release = _begin_release(call, config, image=image, strategy=options.strategy)
    documents = Documents(
        config=config,
        image=image,
        release_id=str(release["id"]),
        release_version=int(release["version"]),
        env=options.env,
        files=read_files(config, folder),
        new_guest=guest_of_new_machines(call),
    )
    _carry_out(call, the_plan, observed, options=options, documents=documents)
    if os.environ.get("FLY_EMIT_RELEASE_JSON"):
        call.say(json.dumps({"id": release["id"], "version": release["version"], "image_ref": image}))
    tell_where(call, app)


def _refuse_suspended(observed: Observed) -> None:
    """Before the build; the API refuses the release as well."""
    app = observed.app
    if app.get("status") == "suspended":
        raise Conflict(
            f"app {app['name']} is suspended: a deploy would start machines of it",
            hint=f"fly apps resume {app['name']}, then deploy again",
        )


def _plan(call: Call, config: FlyToml, observed: Observed, region: str) -> Plan:
    wanted = read_wanted(call, config, region=region)
    return plan(select_machines(call, observed.current, wanted), wanted)


def _region(call: Call, observed: Observed) -> str:
    """Where fly.toml does not say: where the app's machines are, else the installation's nearest."""
    for machine in observed.current.machines:
        return machine.region
    return str(call.send(list_regions())["nearest"])


def _answer_questions(call: Call, the_plan: Plan) -> None:
    """A mount that left fly.toml: flyctl asks even with --yes, which is taken for an oversight there."""
    for question in the_plan.questions:
        call.note(
            f"Warning! machine {question.machine} [{question.group}] has a volume mounted but app config does not"
            " specify a volume; this usually indicates a misconfiguration",
            "red",
        )
        if call.switch("yes"):
            continue
        if not call.confirm(
            f"Do you wish to continue? This detaches volume {question.volume} and replaces machine {question.machine};"
            " the volume and its data stay"
        ):
            raise Conflict(
                f"deployment cancelled: machine {question.machine} [{question.group}] has a volume mounted that the"
                " app config does not specify",
                hint="Remove the volume from the machine, or add a [mounts] section to fly.toml.",
            )


def _begin_release(call: Call, config: FlyToml, *, image: str, strategy: str) -> Wire:
    from caddis.wire.fly_toml.definition import definition

    request = create_release(config.app, definition=definition(config), image=image, strategy=strategy)
    answer = call.send(request)
    release: Wire = answer["release"]
    call.send(finish_release(str(release["id"]), "running"))
    return release


def _carry_out(call: Call, the_plan: Plan, observed: Observed, *, options: Options, documents: Documents) -> None:
    app = documents.config.app
    try:
        with Leases(call.client, app, seconds=options.lease_seconds) as leases:
            execution = Execution(
                call=call,
                app=app,
                options=options,
                documents=documents,
                machines=observed.machines,
                leases=leases,
            )
            run_release_command(call, app, documents=documents, options=options, region=documents.config.primary_region)
            execution.create_volumes(the_plan.moves)
            for line in the_plan.announcements:
                call.say(line)
            execution.run(the_plan)
    except KeyboardInterrupt:
        _end_release(call, documents, "interrupted", "")
        raise
    except Problem as problem:
        _end_release(call, documents, "failed", problem.message)
        raise
    _end_release(call, documents, "complete", "")


def _end_release(call: Call, documents: Documents, status: str, error: str) -> None:
    try:
        call.send(finish_release(documents.release_id, status, error=error))
    except Problem as problem:
        call.note(f"WARNING: the release could not be marked {status}: {problem.message}", "yellow")
