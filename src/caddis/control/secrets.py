"""Secrets: what of them may be told, and what a new version of a machine gets of them."""

from __future__ import annotations

from collections.abc import Mapping

from caddis.catalog import secrets
from caddis.control.core import Control
from caddis.domain.app import App
from caddis.domain.errors import Conflict, Invalid, NotFound
from caddis.domain.secret import MachineSecrets, Secret
from caddis.wire.machine_request import MachineRequest


async def list_secrets(control: Control, app: App, *, at_least: int) -> tuple[list[Secret], int]:
    """Those of the app, and its version; Conflict before it has come to `at_least`."""
    found, version = await control.read(secrets.list_secrets, app.id)
    _check_version(app, version, at_least)
    return found, version


async def get_secret(control: Control, app: App, name: str, *, at_least: int) -> Secret:
    """One; NotFound when the app has none of that name."""
    found, _version = await list_secrets(control, app, at_least=at_least)
    for secret in found:
        if secret.name == name:
            return secret
    raise NotFound(f"app {app.name} has no secret {name[:60]!r}", hint=f"fly secrets list -a {app.name}")


async def open_values(control: Control, app: App) -> dict[str, str]:
    """In the clear, for whoever may change them anyway."""
    values, _version = await control.read(secrets.open_values, control.vault, app.id)
    return values


async def change_secrets(control: Control, app: App, values: Mapping[str, str | None]) -> int:
    """Set and unset; the app's version then."""
    return await control.write(secrets.change_secrets, control.vault, app.id, values, now=control.now())


async def choose_for_machine(control: Control, app: App, request: MachineRequest) -> MachineSecrets:
    """The newest. One that skips secrets gets those that it names; Conflict as in `list_secrets`.

    Invalid when its process names one that is not there. Those of files are checked by the host, which knows base64.
    """
    values, version = await control.read(secrets.open_values, control.vault, app.id)
    _check_version(app, version, request.min_secrets_version or 0)
    in_files = {file.secret for file in request.config.files if file.secret}
    config = request.config
    for name in config.secret_env.values():
        if name not in values:
            raise Invalid(
                f"the machine's process names the secret {name}, which app {app.name} does not have",
                hint=f"fly secrets set {name}=… -a {app.name}",
                field="config.processes[0].secrets",
            )
    env = {} if request.skip_secrets or config.ignores_app_secrets else values
    return MachineSecrets(
        version=version,
        env={**env, **{variable: values[name] for variable, name in config.secret_env.items()}},
        files={name: values[name] for name in in_files if name in values},
    )


def _check_version(app: App, version: int, at_least: int) -> None:
    """There is one catalog: a version unknown to it is another installation's, or of another app of that name."""
    if version < at_least:
        raise Conflict(
            f"version {at_least} of the secrets of app {app.name} is asked for, and the newest is {version}:"
            " was the app made anew?",
            hint="with flyctl, remove the app from app_secrets_minvers in its config.yml",
        )
