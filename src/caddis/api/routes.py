"""Every route, and who may call it."""

from __future__ import annotations

from dataclasses import dataclass

from caddis.api.access import Access
from caddis.api.endpoints import (
    apps,
    builds,
    files,
    hosts,
    inside,
    logs,
    machines,
    organizations,
    platform,
    registry,
    releases,
    secrets,
    tokens,
    volumes,
)
from caddis.api.gate import Endpoint, SocketEndpoint
from caddis.api.graphql.endpoint import ask


@dataclass(frozen=True, slots=True)
class Entry:
    """`POST` and the like are for tokens that may change things, `GET` for all, unless `access` says otherwise."""

    method: str
    path: str
    endpoint: Endpoint
    access: Access


@dataclass(frozen=True, slots=True)
class Passage:
    """A route whose answer is a WebSocket, with messages as in wire/stream.py."""

    path: str
    endpoint: SocketEndpoint
    access: Access


def _entry(method: str, path: str, endpoint: Endpoint, access: Access | None = None) -> Entry:
    by_method = Access.READ if method == "GET" else Access.WRITE
    return Entry(method, path, endpoint, access or by_method)


_APP = "/v1/apps/{app}"
_MACHINE = _APP + "/machines/{id}"
_VOLUME = _APP + "/volumes/{id}"
_UIEX = "/api/v1"

ENTRIES = (
    _entry("GET", "/healthz", platform.get_health, Access.OPEN),
    _entry("POST", "/internal/hosts/{host}/reports", hosts.accept_reports, Access.HOST),
    # it looks at the token itself: hosts have theirs
    _entry("GET", "/registry/token", registry.get_token, Access.OPEN),
    _entry("GET", "/v1/apps", apps.list_apps),
    _entry("POST", "/v1/apps", apps.create_app, Access.OWNER),
    _entry("GET", _APP, apps.get_app),
    _entry("DELETE", _APP, apps.delete_app, Access.OWNER),
    _entry("POST", _APP + "/suspend", apps.suspend),
    _entry("POST", _APP + "/resume", apps.resume),
    _entry("GET", _APP + "/ip_assignments", apps.list_addresses),
    _entry("POST", _APP + "/ip_assignments", apps.assign_address),
    _entry("POST", _APP + "/builds", builds.create_build),
    _entry("POST", _APP + "/images", builds.create_image),
    _entry("GET", _APP + "/machines", machines.list_machines),
    _entry("POST", _APP + "/machines", machines.create_machine),
    _entry("GET", _MACHINE, machines.get_machine),
    _entry("POST", _MACHINE, machines.update_machine),
    _entry("DELETE", _MACHINE, machines.delete_machine),
    _entry("POST", _MACHINE + "/suspend", machines.suspend_machine),
    *(
        _entry("POST", f"{_MACHINE}/{verb}", machines.passing(verb))
        for verb in ("start", "stop", "restart", "signal", "exec", "cordon", "uncordon")
    ),
    *(
        _entry("GET", f"{_MACHINE}/{verb}", machines.passing(verb))
        for verb in ("wait", "ps", "events", "versions", "metadata", "lease")
    ),
    _entry("POST", _MACHINE + "/lease", machines.passing("lease")),
    _entry("DELETE", _MACHINE + "/lease", machines.passing("lease")),
    _entry("PATCH", _MACHINE + "/metadata", machines.passing("metadata")),
    _entry("PUT", _MACHINE + "/metadata", machines.passing("metadata")),
    _entry("GET", _MACHINE + "/metadata/{key}", machines.passing("metadata")),
    _entry("POST", _MACHINE + "/metadata/{key}", machines.passing("metadata")),
    _entry("DELETE", _MACHINE + "/metadata/{key}", machines.passing("metadata")),
    _entry("GET", _APP + "/secrets", secrets.list_secrets),
    _entry("POST", _APP + "/secrets", secrets.change_secrets),
    _entry("GET", _APP + "/secrets/{name}", secrets.get_secret),
    _entry("POST", _APP + "/secrets/{name}", secrets.set_secret),
    _entry("DELETE", _APP + "/secrets/{name}", secrets.delete_secret),
    # a token that is read-only may see that a machine is there, not what is in it
    _entry("GET", _MACHINE + "/files", inside.get_files, Access.WRITE),
    _entry("PUT", _MACHINE + "/files", inside.put_file),
    _entry("GET", _APP + "/volumes", volumes.list_volumes),
    _entry("POST", _APP + "/volumes", volumes.create_volume),
    _entry("POST", _APP + "/volumes/import", files.import_volume),
    # a token that is read-only may see that things are there, not what is in them
    _entry("GET", _VOLUME + "/export", files.export_volume, Access.WRITE),
    _entry("GET", _APP + "/snapshots/{id}/files", files.get_snapshot_files, Access.WRITE),
    _entry("GET", _VOLUME, volumes.get_volume),
    _entry("PUT", _VOLUME, volumes.update_volume),
    _entry("POST", _VOLUME, volumes.update_volume),
    _entry("DELETE", _VOLUME, volumes.delete_volume),
    _entry("POST", _VOLUME + "/restore", volumes.restore_volume),
    _entry("PUT", _VOLUME + "/extend", volumes.extend_volume),
    _entry("GET", _VOLUME + "/snapshots", volumes.list_snapshots),
    _entry("POST", _VOLUME + "/snapshots", volumes.create_snapshot),
    _entry("GET", "/v1/platform/regions", platform.list_regions),
    _entry("GET", "/v1/platform/status", platform.get_status),
    _entry("POST", "/v1/platform/placements", platform.choose_regions, Access.READ),  # a question with a body
    _entry("GET", "/v1/tokens/current", platform.get_current_token),
    _entry("GET", "/v1/orgs/{slug}/machines", organizations.list_machines),
    _entry("GET", "/v1/orgs/{slug}/volumes", organizations.list_volumes),
    _entry("POST", "/graphql", ask, Access.READ),  # what a document changes asks for more
    _entry("POST", _APP + "/deploy_token", tokens.create_deploy_token, Access.OWNER),
    _entry("GET", _UIEX + "/tokens", tokens.list_tokens),
    _entry("POST", _UIEX + "/tokens", tokens.create_token, Access.OWNER),
    _entry("DELETE", _UIEX + "/tokens/{id}", tokens.revoke_token, Access.OWNER),
    _entry("GET", _UIEX + "/volumes/{id}", organizations.find_volume),
    _entry("GET", _UIEX + "/machines/{id}", organizations.find_machine),
    _entry("GET", _UIEX + "/organizations", organizations.list_organizations),
    _entry("GET", _UIEX + "/organizations/{slug}", organizations.get_organization),
    _entry("POST", _UIEX + "/builds", releases.start_build),
    _entry("POST", _UIEX + "/builds/finish", releases.finish_build),
    _entry("POST", _UIEX + "/releases", releases.create_release),
    _entry("PATCH", _UIEX + "/releases/{id}", releases.patch_release),
    _entry("GET", _UIEX + "/apps/{app}/releases", releases.list_releases),
    _entry("GET", _UIEX + "/apps/{app}/releases/current", releases.get_current_release),
    _entry("GET", _UIEX + "/apps/{app}/logs", logs.get_logs),
)

PASSAGES = (
    Passage(_MACHINE + "/session", inside.open_session, Access.WRITE),
    Passage(_MACHINE + "/connection", inside.open_connection, Access.WRITE),
)
