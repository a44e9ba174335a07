"""The environment of a machine's main process. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from caddis.domain.image import ImageConfig
from caddis.domain.machine import Machine

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def process_environment(machine: Machine, image: ImageConfig, secrets: Mapping[str, str]) -> dict[str, str]:
    """The image's variables, the config's, the app's secrets, then Fly's own (facts: systems 2), later ones winning.

    PRIMARY_REGION is the config's to say (flyctl sends it there); without it, the machine's own region is the primary.
    """
    fly = {
        "FLY_APP_NAME": machine.app,
        "FLY_MACHINE_ID": machine.id,
        "FLY_ALLOC_ID": machine.id,
        "FLY_REGION": machine.region,
        "FLY_PUBLIC_IP": machine.address,
        "FLY_PRIVATE_IP": machine.address,
        "FLY_IMAGE_REF": machine.config.image,
        "FLY_MACHINE_VERSION": machine.instance_id,
        "FLY_PROCESS_GROUP": machine.config.process_group,
        "FLY_VM_MEMORY_MB": str(machine.config.guest.memory_mb),
    }
    defaults = {"PATH": DEFAULT_PATH, "PRIMARY_REGION": machine.region}
    return {**defaults, **image.env, **machine.config.env, **secrets, **fly}
