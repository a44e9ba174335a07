"""One deploy from a configuration to running machines; `fly launch` ends in it too (facts: cli-deploy-launch 1.2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.call import Call
from caddis.cli.config.checking import tell_findings
from caddis.cli.deploy.current import observe
from caddis.cli.deploy.image import find_image
from caddis.cli.deploy.options import check_compression, read_options
from caddis.cli.deploy.releasing import Intent, find_region, make_plan, refuse_suspended, release
from caddis.cli.deploy.wanted import check_env_names, read_extra_files, read_files
from caddis.domain.errors import Conflict

if TYPE_CHECKING:
    from caddis.cli.deploy.moves import Plan
    from caddis.wire.fly_toml.config import FlyToml


def roll_out(call: Call, config: FlyToml, *, name: str, folder: Path) -> None:
    """Everything that can be refused is refused before the build; leases go back whatever happens."""
    app = config.app
    call.note("==> Verifying app config", "green")
    tell_findings(call, config, name, groups=call.items("process-groups") or None)
    call.note("--> Verified app config", "green")
    check_compression(call)
    options = read_options(call, config)
    observed = observe(call, app)
    refuse_suspended(observed)
    region = call.text("primary-region") or config.primary_region or find_region(call, observed)
    config = replace(config, primary_region=region)
    intent = Intent(
        config=config,
        image="",
        env=options.env,
        files=read_files(config, folder),
        extra_files=tuple(read_extra_files(call, folder)),
    )
    _answer_questions(call, make_plan(call, intent, observed, options))
    _warn(call, config)
    if observed.unmanaged and not observed.machines:
        call.note(f"WARNING: {app} has machines that deploys do not manage; they are left alone", "yellow")
    image = find_image(call, app, config, folder)
    if call.switch("build-only"):
        return
    release(call, replace(intent, image=image.reference, digest=image.digest), options)


def _warn(call: Call, config: FlyToml) -> None:
    for word in check_env_names(config.env):
        call.note(f"WARNING: {word} in [env] looks sensitive: fly secrets is the place for it", "yellow")
    if config.statics:
        call.note("WARNING: [[statics]] are not served: there is no edge proxy. The app has to serve them", "yellow")


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
