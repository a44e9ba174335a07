"""The flags of run, create and update applied to a config document (facts: cli-deploy-launch 5.1 and 5.2)."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from caddis.cli.call import Call
from caddis.cli.deploy.options import read_pairs
from caddis.cli.guest import any_given, guest_from_flags, guest_to_wire
from caddis.cli.machine.making.files import files_with
from caddis.cli.machine.making.ports import services_with
from caddis.domain.errors import Invalid, Refused
from caddis.domain.machine import Guest
from caddis.domain.machine_schedule import PERIODS

Wire = Mapping[str, Any]
RESTARTS = ("no", "always", "on-failure")
AUTOSTOPS: Mapping[str, Any] = {"off": False, "stop": True, "suspend": "suspend"}


def configure(call: Call, base: Wire, *, command: Sequence[str] = ()) -> dict[str, Any]:
    """A new document; `base` stays as it is. Invalid or Refused, in one sentence, for what cannot be."""
    _refuse_what_is_not_here(call)
    config = copy.deepcopy(dict(base))
    if call.text("machine-config"):
        config |= _read_config(call.text("machine-config"))
    env = read_pairs(call.many("env"), "--env")
    if env:
        config["env"] = {**(config.get("env") or {}), **env}
    if call.many("metadata"):
        config["metadata"] = _metadata(call.many("metadata"), config.get("metadata") or {})
    guest = config.get("guest") or {}
    if any_given(call) or not guest:
        now = Guest(**{key: guest[key] for key in ("cpu_kind", "cpus", "memory_mb") if guest.get(key)})
        config["guest"] = {**guest, **guest_to_wire(guest_from_flags(call, default=now))}
    _init(call, config, command)
    _life(call, config)
    _outside(call, config)
    _root(call, config)
    return config


def _refuse_what_is_not_here(call: Call) -> None:
    if call.many("kernel-arg"):
        raise Refused("--kernel-arg: machines share the kernel of their host, which takes no arguments from them")
    if call.number("cachedrive-size"):
        raise Refused(
            "--cachedrive-size: there are no cache drives here; what is to outlast a restart belongs on a volume",
            hint="mount one with --volume NAME:/path",
        )
    if call.text("rootfs-persist") not in ("", "never"):
        raise Refused(
            f"--rootfs-persist {call.text('rootfs-persist')}: the root file system is new at every start",
            hint="what is to stay belongs on a volume: --volume NAME:/path",
        )


def _read_config(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text()
        except OSError as unreadable:
            raise Invalid(f"--machine-config: cannot read {text}: {unreadable.strerror}") from unreadable
    try:
        document = json.loads(text)
    except ValueError as wrong:
        raise Invalid(f"--machine-config is not JSON: {wrong}") from wrong
    if not isinstance(document, dict):
        raise Invalid("--machine-config is not a JSON object")
    return document


def _metadata(given: Sequence[str], now: Wire) -> dict[str, str]:
    pairs = read_pairs(given, "--metadata")
    return {key: value for key, value in {**now, **pairs}.items() if value != ""}


def _init(call: Call, config: dict[str, Any], command: Sequence[str]) -> None:
    init = dict(config.get("init") or {})
    if call.given("entrypoint"):
        try:
            init["entrypoint"] = shlex.split(call.text("entrypoint"))
        except ValueError as wrong:
            raise Invalid(f"--entrypoint cannot be split into words: {wrong}") from wrong
    if command:
        init["cmd"] = list(command)
    if call.number("swap-size"):
        init["swap_size_mb"] = call.number("swap-size")
        call.note("--swap-size is kept in the config and has no effect: machines have no swap here", "yellow")
    config["init"] = init


def _life(call: Call, config: dict[str, Any]) -> None:
    policy = call.text("restart")
    if policy == "on-fail":
        policy = "on-failure"  # as older scripts have it
    if policy and policy not in RESTARTS:
        raise Invalid(f"--restart {policy!r}: use one of {', '.join(RESTARTS)}")
    if policy:
        config["restart"] = {**(config.get("restart") or {}), "policy": policy}
    if call.text("schedule") and call.text("schedule") not in PERIODS:
        raise Invalid(f"--schedule {call.text('schedule')!r}: use one of {', '.join(PERIODS)}")
    if call.text("schedule"):
        config["schedule"] = call.text("schedule")
    if call.given("standby-for"):
        stand_by_for(config, call.items("standby-for"))


def stand_by_for(config: dict[str, Any], machines: Sequence[str]) -> None:
    """Make it a standby for those, or nobody's."""
    env = {key: value for key, value in (config.get("env") or {}).items() if key != "FLY_STANDBY_FOR"}
    config.pop("standbys", None)
    chosen = [machine for machine in machines if machine]
    if chosen:
        config["standbys"] = chosen
        env["FLY_STANDBY_FOR"] = ",".join(chosen)
    config["env"] = env


def _outside(call: Call, config: dict[str, Any]) -> None:
    services = services_with(config.get("services") or [], call.items("port"))
    if call.items("port") or services:
        config["services"] = services
    if call.text("autostop") not in AUTOSTOPS:
        raise Invalid(f"--autostop {call.text('autostop')!r}: use one of {', '.join(AUTOSTOPS)}")
    told = [name for name in ("autostart", "autostop") if call.given(name)]
    for service in services:
        if "autostart" in told:
            service["autostart"] = call.switch("autostart")
        if "autostop" in told:
            service["autostop"] = AUTOSTOPS[call.text("autostop")]
    if told:
        flags = " and ".join(f"--{name}" for name in told)
        call.note(f"{flags} kept in the config: no proxy here starts or stops machines by their requests", "yellow")
    if call.switch("skip-dns-registration"):
        config["dns"] = {**(config.get("dns") or {}), "skip_registration": True}


def _root(call: Call, config: dict[str, Any]) -> None:
    flags = ("file-local", "file-literal", "file-secret")
    if any(call.many(flag) for flag in flags):
        config["files"] = files_with(call, config.get("files") or [])
    if call.given("rootfs-size"):
        if call.number("rootfs-size") < 1:
            raise Invalid(f"--rootfs-size is {call.number('rootfs-size')}: a root file system has 1 GB or more")
        config["rootfs"] = {**(config.get("rootfs") or {}), "size_gb": call.number("rootfs-size")}
