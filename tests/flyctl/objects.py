"""The objects that many answers hold, with the fields that flyctl reads."""

from __future__ import annotations

from flyctl.rig import Step, delete, get, post
from flyctl.shapes import ANYTHING, NULL, NUMBER, OBJECT, TIME, maybe, one_of

APP = {
    "id": str,
    "name": str,
    "status": one_of("pending", "deployed", "suspended"),
    "organization": {"slug": str, "name": str, "internal_numeric_id": int},
}
VOLUME = {
    "id": str,
    "name": str,
    "state": str,
    "size_gb": int,
    "region": str,
    "zone": str,
    "encrypted": bool,
    "attached_machine_id": maybe(str),
    "attached_alloc_id": NULL,
    "created_at": TIME,
    "snapshot_retention": int,
    "auto_backup_enabled": bool,
    "host_status": "ok",
}
CHECK = {"name": str, "status": one_of("passing", "warning", "critical"), "output": str, "updated_at": TIME}
EVENT = {"id": str, "type": str, "status": str, "source": str, "timestamp": int}
MACHINE = {
    "id": str,
    "name": str,
    "state": str,
    "region": str,
    "instance_id": str,
    "image_ref": {"registry": str, "repository": str, "tag": str, "digest": str, "labels": OBJECT},
    "private_ip": str,
    "created_at": TIME,
    "updated_at": TIME,
    "config": {"image": str, "guest": {"cpu_kind": str, "cpus": int, "memory_mb": int}, "metadata": OBJECT},
    "events": [EVENT],
    "checks": [CHECK],
    "host_status": "ok",
    "cordoned": bool,
}
WITH_VOLUME = MACHINE | {
    "config": {"mounts": [{"volume": str, "path": str, "name": "data", "size_gb": int, "encrypted": bool}]}
}
LEASE = {"status": "success", "data": {"nonce": str, "expires_at": int, "owner": str, "version": str}}
ORGANIZATION = {"organization": {"id": str, "internal_numeric_id": int, "slug": str, "raw_slug": str, "billable": True}}
RELEASE = {"id": str, "version": int, "status": str, "created_at": TIME}
BUILD = {"id": NUMBER, "status": str, "wallclock_time_ms": NUMBER}
SNAPSHOT = {"id": str, "size": int, "volume_size": int, "status": str, "created_at": ANYTHING}

F = "/v1/apps/{app}"
U = "/api/v1"


def lease(machine: str, *, seconds: int = 120) -> Step:
    """Taken, its nonce kept as `nonce`. `version` equals the machine's instance id, else the client looks again."""
    path = f"{F}/machines/{machine}/lease?ttl={seconds}"
    return post(path, needs=LEASE, save={"nonce": "data.nonce"})


def let_go(machine: str) -> Step:
    return delete(f"{F}/machines/{machine}/lease", nonce="{nonce}")


def wait(machine: str, state: str = "started") -> Step:
    return get(f"{F}/machines/{machine}/wait?state={state}&timeout=60", {"ok": True})
