"""What a launch is about to make: settings with their reasons, shown, and changed if the person wants to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from caddis.cli.call import Call
from caddis.cli.guest import megabytes
from caddis.client.platform import list_regions
from caddis.domain.ids import check_app_name
from caddis.domain.machine import Guest
from caddis.wire.vm_size import VM_SIZES, check_guest, size_name

LAUNCH_GUEST = Guest(memory_mb=1024)  # facts: cli-deploy-launch 2.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each with where it is from."""

    organization: str
    organization_slug: str
    name: str
    name_reason: str
    region: str
    region_name: str
    region_reason: str
    guest: Guest
    guest_reason: str
    guest_is_chosen: bool = False  # by flags or by the person, so that it goes before what an old file says
    volume: str = ""


def show(call: Call, settings: Settings, family: str) -> None:
    """The headline and the rows."""
    kind = f"{family} app" if family else "app"
    call.say(f"We're about to launch your {kind} on Caddis. Here's what you're getting:\n")
    machines = f"{size_name(settings.guest)}, {settings.guest.memory_mb}MB RAM"
    rows = [
        ("Organization", settings.organization, ""),
        ("Name", settings.name, settings.name_reason),
        ("Region", f"{settings.region_name}", settings.region_reason),
        ("App Machines", machines, settings.guest_reason),
        ("Volume", settings.volume or "<none>", ""),
    ]
    width = max(len(value) for _, value, _ in rows)
    for label, value, reason in rows:
        call.say(f"{label + ':':<14}{value.ljust(width)}  {f'({reason})' if reason else ''}".rstrip())
    call.say()


def tweak(call: Call, settings: Settings) -> Settings:
    """Ask whether to change them, and for each."""
    from caddis.cli.prompts import ask, confirm, select

    if not call.interactive or call.switch("yes") or call.switch("now"):
        return settings
    if not confirm("Do you want to tweak these settings before proceeding?"):
        return settings
    name = check_app_name(ask("App name:", default=settings.name))
    regions = sorted(call.send(list_regions())["regions"], key=lambda region: str(region["name"]))
    names = [f"{region['name']} ({region['code']})" for region in regions]
    at = next((at for at, region in enumerate(regions) if region["code"] == settings.region), 0)
    region = regions[select("Select region:", names, default=at)]
    sizes = list(VM_SIZES)
    size = VM_SIZES[sizes[select("Machine size:", sizes, default=sizes.index(size_name(settings.guest)))]].guest
    least = max(size.memory_mb, settings.guest.memory_mb if size.cpus == settings.guest.cpus else 0)
    memory = megabytes(ask("Memory in MB:", default=str(least)))
    return replace(
        settings,
        name=name,
        region=str(region["code"]),
        region_name=f"{region['name']} ({region['code']})",
        guest=check_guest(replace(size, memory_mb=memory), field="memory"),
        guest_is_chosen=True,
    )
