"""What a machine runs: the image's entrypoint and command, and what its config says instead. Pure."""

from __future__ import annotations

from caddis.domain.errors import Invalid
from caddis.domain.image import ImageConfig
from caddis.domain.machine import Init


def process_arguments(image: ImageConfig, init: Init) -> tuple[str, ...]:
    """The argv of the main process; Invalid when image and config together name none.

    Docker's rules: `exec` replaces everything; an entrypoint of the config's drops the image's command, which was
    written as arguments to the image's own entrypoint; a command of the config's follows whichever entrypoint holds.
    """
    if init.exec:
        return init.exec
    entrypoint = image.entrypoint if init.entrypoint is None else init.entrypoint
    inherited = image.cmd if init.entrypoint is None else ()
    cmd = inherited if init.cmd is None else init.cmd
    argv = (*entrypoint, *cmd)
    if not argv or not argv[0]:
        raise Invalid(
            "there is nothing to run: neither the image nor the machine's config names a command",
            hint="set CMD or ENTRYPOINT in the Dockerfile, or a command under [processes] in fly.toml",
            field="config.init",
        )
    return argv
