"""One `fly scale count`, from what was typed to machines that run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.leases import Leases
from caddis.cli.deploy.options import read_pairs
from caddis.cli.guest import any_given, guest_from_flags, guest_to_wire
from caddis.cli.machine.show_machine import volume_of
from caddis.cli.region import check_region
from caddis.cli.scale.counting.asked import Count, name_groups, parse_counts
from caddis.cli.scale.counting.execution import Execution
from caddis.cli.scale.counting.plan import GroupWish, Plan, Wish, plan
from caddis.cli.scale.counting.templates import (
    Released,
    Template,
    find_last_snapshot,
    get_released,
    template_from_release,
    template_of,
)
from caddis.cli.scale.counting.words import left_volumes, one_is_not_enough, one_zone, plan_text
from caddis.cli.scale.observe import Observed, observe
from caddis.client.platform import list_regions
from caddis.domain.errors import Invalid, Problem
from caddis.domain.machine import Guest
from caddis.wire.vm_size import size_name

Wire = Mapping[str, Any]
LEASE_SECONDS = 15  # kept fresh while we live; after a kill -9 nobody waits for longer


def scale_count(call: Call) -> None:
    """Everything that can be refused is refused before the question, and before anything changes."""
    from caddis.wire.fly_toml.groups import group_names

    app = call.app()
    asked = parse_counts(call.arguments, group=call.text("process-group"))
    observed, released = observe(call, app), get_released(call, app)
    counting = _Counting(call, app, observed, released)
    counts = name_groups(asked, group_names(released.config))
    templates = {group: counting.template(group) for group in counts}
    wish = counting.wish(counts, templates)
    the_plan = plan(observed.now(), wish)
    if not the_plan.changes:
        call.say(f"App '{app}' is already scaled as asked: nothing to do")
        return
    snapshots = counting.snapshots(the_plan, templates)
    call.say(plan_text(app, the_plan))
    if not call.switch("yes") and not call.confirm(f"Scale app {app}?"):
        return
    counting.carry_out(the_plan, wish, templates=templates, snapshots=snapshots)


@dataclass(frozen=True, slots=True)
class _Counting:
    call: Call
    app: str
    observed: Observed
    released: Released

    # --- what is wanted -----------------------------------------------------------------------------------------------
    def template(self, group: str) -> Template:
        """Like the group's best example, else like a deploy would make it; --env and --vm-* change both."""
        examples = self.observed.of_group(group)
        if examples:
            template = template_of(examples[0])
        else:
            template = template_from_release(self.call, self.released, group, self.observed.volumes)
        env = read_pairs(self.call.many("env"), "--env")
        document = {**template.document, "env": {**(template.document.get("env") or {}), **env}}
        if any_given(self.call):
            document["guest"] = guest_to_wire(guest_from_flags(self.call, default=_guest(document)))
        return replace(template, document=document)

    def wish(self, counts: Mapping[str, Count], templates: Mapping[str, Template]) -> Wish:
        """In the planner's words."""
        named = self._named_regions()
        groups = []
        for group, count in counts.items():
            regions = named or self._regions(group)
            here = [machine for machine in self.observed.of_group(group) if machine["region"] in regions]
            groups.append(
                GroupWish(
                    name=group,
                    count=count.total(len(here)),
                    regions=regions,
                    mount=templates[group].wanted,
                    size=size_name(_guest(templates[group].document)),
                )
            )
        limit = self.call.number("max-per-region")
        if limit < -1:
            raise Invalid(f"--max-per-region is {limit}: it is a number of machines, or -1 for no limit")
        return Wish(groups=tuple(groups), max_per_region=limit, with_new_volumes=self.call.switch("with-new-volumes"))

    def _named_regions(self) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(self.call.items("region")))
        if named:
            known = self.call.send(list_regions())
            for region in named:
                check_region(region, known)
        return named

    def _regions(self, group: str) -> tuple[str, ...]:
        """Where the group is, else where the app is, else where its configuration says; home comes first."""
        home = self.released.config.primary_region
        machines = self.observed.of_group(group) or self.observed.machines
        codes = {str(machine["region"]) for machine in machines}
        regions = tuple(sorted(codes, key=lambda region: (region != home, region)))
        return regions or (home or str(self.call.send(list_regions())["nearest"]),)

    def snapshots(self, the_plan: Plan, templates: Mapping[str, Template]) -> dict[str, str]:
        """What each group's new volumes are filled from. A note where volumes that wait come before the snapshot."""
        wanted = self.call.text("from-snapshot")
        if self.call.given("from-snapshot") and not wanted:
            raise Invalid("--from-snapshot is empty", hint="list a volume's snapshots: fly volumes snapshots list ID")
        found: dict[str, str] = {}
        for change in the_plan.changes:
            if wanted and change.unattached:
                self.call.note(
                    f"{', '.join(change.unattached)} in region {change.region} are used before any new volume, with"
                    " what is on them; --with-new-volumes leaves them alone",
                    "yellow",
                )
            if wanted and change.new_volumes and change.group not in found:
                found[change.group] = self._snapshot(templates[change.group], wanted)
        return found

    def _snapshot(self, template: Template, wanted: str) -> str:
        if wanted != "last":
            return wanted
        name = template.wanted.name if template.wanted else ""
        named = [str(volume["id"]) for volume in self.observed.volumes if volume["name"] == name]
        return find_last_snapshot(self.call, self.app, [template.volume] if template.volume else named, name=name)

    # --- doing it -----------------------------------------------------------------------------------------------------
    def carry_out(
        self, the_plan: Plan, wish: Wish, *, templates: Mapping[str, Template], snapshots: Mapping[str, str]
    ) -> None:
        """Under leases on every machine of the app; whatever happens, what there is now is told."""
        asked = " ".join(f"{group.name}={group.count}" for group in wish.groups)
        regions = f" --region {','.join(self.call.items('region'))}" if self.call.many("region") else ""
        with Leases(self.call.client, self.app, seconds=LEASE_SECONDS) as leases:
            leases.acquire(
                str(machine["id"]) for machine in self.observed.machines if machine.get("host_status", "ok") == "ok"
            )
            execution = Execution(call=self.call, app=self.app, leases=leases, templates=templates, snapshots=snapshots)
            try:
                execution.run(the_plan)
            except (Problem, KeyboardInterrupt):
                execution.tell_how_far(f"fly scale count {asked}{regions} -a {self.app}")
                raise
        left = left_volumes(self.app, execution.destroyed)
        if left:
            self.call.note(left)
        mounting = {group: count for group, count in the_plan.totals.items() if templates[group].wanted and count}
        self._tell_about_two(mounting)

    def _tell_about_two(self, totals: Mapping[str, int]) -> None:
        """The rule of two: one machine with a volume is one failure from being down; so are two in one zone."""
        for group, count in totals.items():
            if count == 1:
                self.call.note(one_is_not_enough(self.app, group), "yellow")
        several = [group for group, count in totals.items() if count > 1]
        if several:
            _tell_about_zones(self.call, observe(self.call, self.app), several)


def _guest(config: Wire) -> Guest:
    given = config.get("guest") or {}
    return Guest(**{key: given[key] for key in ("cpu_kind", "cpus", "memory_mb") if given.get(key)})


def _tell_about_zones(call: Call, observed: Observed, groups: Sequence[str]) -> None:
    zone_of = {str(volume["id"]): str(volume["zone"]) for volume in observed.volumes}
    for group in groups:
        zones: dict[str, int] = defaultdict(int)
        for machine in observed.of_group(group):
            zones[zone_of.get(volume_of(machine), "")] += 1
        if len(zones) == 1 and "" not in zones:
            ((zone, count),) = zones.items()
            call.note(one_zone(group, zone, count), "yellow")
