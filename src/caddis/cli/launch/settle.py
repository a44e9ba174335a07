"""Name, region, organization, size: each from a flag, else an old file, else chosen (facts: cli-deploy-launch 2.1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from caddis.cli.apps.organization import choose_organization
from caddis.cli.call import Call
from caddis.cli.guest import any_given, guest_from_flags
from caddis.cli.launch.configuration import find_mounts
from caddis.cli.launch.naming import choose_name
from caddis.cli.launch.settings import LAUNCH_GUEST, Settings
from caddis.cli.region import check_region
from caddis.client.platform import list_regions
from caddis.wire.fly_toml.groups import guest_for

if TYPE_CHECKING:
    from caddis.cli.launch.scanners.source import Source
    from caddis.wire.fly_toml.config import FlyToml


def settle(call: Call, folder: Path, source: Source | None, old: FlyToml | None) -> Settings:
    """Everything with where it is from. Invalid, NotFound or NameTaken before anything is made."""
    organization = choose_organization(call)
    name, name_reason = choose_name(call, folder, old.app if old is not None else "")
    regions = call.send(list_regions())
    code, region_reason = str(regions["nearest"]), "this is the nearest region"
    if call.text("region"):
        code, region_reason = call.text("region"), "specified on the command line"
    elif old is not None and old.primary_region:
        code, region_reason = old.primary_region, "from your fly.toml"
    check_region(code, regions)
    region = next(region for region in regions["regions"] if region["code"] == code)
    mounts = find_mounts(call, source, old)
    from_file = old is not None and bool(old.vm) and not any_given(call)
    guest = (guest_for(old, "app") if old is not None and from_file else None) or guest_from_flags(
        call, default=LAUNCH_GUEST
    )
    guest_reason = "specified on the command line" if any_given(call) else "most apps need about 1GB of RAM"
    return Settings(
        organization=str(organization["name"]),
        organization_slug=str(organization["slug"]),
        name=name,
        name_reason=name_reason,
        region=code,
        region_name=f"{region['name']} ({code})",
        region_reason=region_reason,
        guest=guest,
        guest_reason="from your fly.toml" if from_file else guest_reason,
        guest_is_chosen=any_given(call),
        volume=", ".join(f"{mount.source} at {mount.destination}" for mount in mounts),
    )
