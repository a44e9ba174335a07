"""Tier 2: what a person does with an app all day (facts: flyctl-minimum-server 3, flyctl-calls 2 to 8)."""

from __future__ import annotations

from flyctl.objects import BUILD, LEASE, MACHINE, ORGANIZATION, RELEASE, SNAPSHOT, VOLUME, F, U, lease, let_go, wait
from flyctl.questions import APP_BASIC, APP_COMPACT, CURRENT_CONFIG, EGRESS, ORGANIZATIONS, RELEASES, UNKNOWN_REPOSITORY
from flyctl.rig import Command, Step, delete, get, graphql, patch, post, push, put
from flyctl.shapes import OBJECT, TIME, Like, maybe, one_of, some, text_with
from flyctl.walk import NEW_RELEASE, RELEASED, RESOLVE_IMAGE, STARTED, machine_config

M = F + "/machines/{machine2}"
V = F + "/volumes/{volume2}"
VOLUME_OF_APP = graphql(
    "query($id: ID!) { volume(id: $id) { ... on Volume { app { name } } } }",
    {"volume": {"app": {"name": "{app}"}}},
    id="{volume2}",
)
MACHINE_OF_APP = graphql(
    "query ($machineId: String!) { gqlmachine:machine(machineId: $machineId) {"
    " id name app { name organization { id slug } } } }",
    {"gqlmachine": {"id": "{machine2}", "app": {"name": "{app}", "organization": {"id": str, "slug": str}}}},
    machineId="{machine2}",
)
VIEWER = graphql(
    "query { viewer { ... on User { id email enablePaidHobby } ... on Macaroon { email } } }",
    {"viewer": {"email": str}},
)
GONE = Step(
    method="GET", path=F + "/machines/{temporary}/wait?state=destroyed&timeout=60", status=(200, 404), needs=dict
)


def _has_ended(events: object) -> bool:
    """The newest `exit` is newer than the newest `start`, and carries how it ended."""
    if not isinstance(events, list):
        return False
    types = [event["type"] for event in events]
    if "exit" not in types or "start" not in types or types.index("exit") > types.index("start"):
        return False
    return isinstance(events[types.index("exit")]["request"]["exit_event"]["exit_code"], int)


ENDED = {"events": Like("an exit that is newer than the start", _has_ended)}

EVERYDAY: tuple[Command, ...] = (
    Command(name="fly auth whoami", tier=2, steps=(VIEWER,)),
    Command(name="fly orgs list", tier=2, steps=(ORGANIZATIONS,)),
    Command(
        name="fly apps list",
        tier=2,
        steps=(
            graphql(
                """query($org: ID, $role: String, $after: String) {
                   apps(type: "container", first: 200, after: $after, organizationId: $org, role: $role) {
                   pageInfo { hasNextPage endCursor } nodes { id name deployed hostname platformVersion network
                   organization { slug name } currentRelease { createdAt status } status } } }""",
                {
                    "apps": {
                        "pageInfo": {"hasNextPage": False, "endCursor": maybe(str)},
                        "nodes": some(
                            {
                                "name": str,
                                "deployed": bool,
                                "status": str,
                                "organization": {"slug": str},
                                "currentRelease": maybe({"createdAt": TIME, "status": str}),
                            }
                        ),
                    }
                },
                after="",
            ),
        ),
    ),
    Command(
        name="fly apps create NAME",
        tier=2,
        steps=(
            ORGANIZATIONS,
            post("/v1/apps?wait=true", {"name": "{app}-2", "org_slug": "personal", "network": "", "app_role_id": ""}),
            get("/v1/apps/{app}-2", {"name": "{app}-2"}),
            delete("/v1/apps/{app}-2"),
        ),
    ),
    Command(
        name="fly tokens create deploy, list, revoke",
        tier=2,
        steps=(
            APP_COMPACT,
            get(U + "/organizations/personal", ORGANIZATION, save={"organization": "organization.id"}),
            graphql(
                """mutation CreateLimitedAccessToken($name: String!, $organizationId: ID!, $profile: String!,
                   $profileParams: JSON, $expiry: String) { createLimitedAccessToken(input: {name: $name,
                   organizationId: $organizationId, profile: $profile, profileParams: $profileParams,
                   expiry: $expiry}) { limitedAccessToken { id tokenHeader } } }""",
                {"createLimitedAccessToken": {"limitedAccessToken": {"tokenHeader": text_with("Bearer ")}}},
                operation="CreateLimitedAccessToken",
                save={"token": "createLimitedAccessToken.limitedAccessToken.id"},
                name="flyctl deploy token",
                organizationId="{organization}",
                profile="deploy",
                profileParams={"app_id": "{app}"},
                expiry="175200h",
            ),
            graphql(
                """query ($appName: String!) { appLimitedAccessTokens: app(name: $appName) { limitedAccessTokens {
                   nodes { id name token expiresAt revokedAt user { email } } } } }""",
                {
                    "appLimitedAccessTokens": {
                        "limitedAccessTokens": {
                            "nodes": some({"id": str, "name": str, "expiresAt": TIME, "user": {"email": str}})
                        }
                    }
                },
                appName="{app}",
            ),
            graphql(
                """mutation($input:DeleteLimitedAccessTokenInput!) {
                   deleteLimitedAccessToken(input: $input) { token } }""",
                {"deleteLimitedAccessToken": OBJECT},
                input={"id": "{token}"},
            ),
        ),
    ),
    Command(
        name="fly platform regions",
        tier=2,
        steps=(
            get(
                "/v1/platform/regions",
                {"regions": some({"code": str, "name": str, "deprecated": False}), "nearest": str},
            ),
        ),
    ),
    Command(
        name="fly machine status ID",
        tier=2,
        steps=(MACHINE_OF_APP, get(M, MACHINE | {"events": some({"type": str, "timestamp": int})})),
    ),
    Command(
        name="fly machine stop ID",
        tier=2,
        steps=(
            get(M, MACHINE),
            lease("{machine2}"),
            post(M + "/stop", {"id": "{machine2}", "timeout": "0s"}, nonce="{nonce}"),
            wait("{machine2}", "stopped"),
            let_go("{machine2}"),
        ),
    ),
    Command(
        name="fly machine start ID",
        tier=2,
        steps=(
            get(M, MACHINE | {"state": "stopped"}),
            lease("{machine2}"),
            post(M + "/start", needs={"previous_state": "stopped", "migrated": bool, "new_host": str}, nonce="{nonce}"),
            let_go("{machine2}"),
            wait("{machine2}"),
        ),
    ),
    Command(
        name="fly machine restart ID",
        tier=2,
        steps=(
            get(M, MACHINE),
            lease("{machine2}"),
            post(M + "/restart?force_stop=true&timeout=10s&signal=SIGTERM", nonce="{nonce}"),
            wait("{machine2}"),
            let_go("{machine2}"),
        ),
    ),
    Command(
        name="fly machine update ID",
        tier=2,
        steps=(
            get(M, MACHINE),
            lease("{machine2}"),
            post(
                M,
                {"region": "lhr", "config": {**machine_config("{volume2}"), "env": {"A": "1"}}},
                MACHINE | {"config": {"env": {"A": "1"}}},
                nonce="{nonce}",
            ),
            wait("{machine2}", "settled"),
            get(M, MACHINE),
            let_go("{machine2}"),
        ),
    ),
    Command(
        name="fly machine cordon, uncordon ID",
        tier=2,
        steps=(
            lease("{machine2}"),
            post(M + "/cordon", nonce="{nonce}"),
            get(M, {"cordoned": True}),
            post(M + "/uncordon", nonce="{nonce}"),
            get(M, {"cordoned": False}),
            let_go("{machine2}"),
        ),
    ),
    Command(
        name="fly machine exec ID COMMAND",
        tier=2,
        steps=(
            post(
                M + "/exec",
                {"cmd": "echo hi", "timeout": 10},
                {"exit_code": 0, "exit_signal": int, "stdout": "hi\n", "stderr": str},
            ),
        ),
    ),
    Command(
        name="fly machine kill ID", tier=2, steps=(post(M + "/signal", {"signal": 15}), wait("{machine2}", "settled"))
    ),
    Command(
        name="fly machine leases view, clear ID",
        tier=2,
        steps=(
            get(M + "/lease", status=(404,), needs={"error": str}),
            lease("{machine2}"),
            get(M + "/lease", LEASE),
            let_go("{machine2}"),
        ),
    ),
    Command(
        name="fly machine clone ID",
        tier=2,
        steps=(
            get(M, MACHINE),
            post(
                F + "/volumes",
                {"name": "data", "region": "lhr", "size_gb": 1, "encrypted": True, "require_unique_zone": False},
                VOLUME,
                save={"volume3": "id"},
            ),
            post(
                F + "/machines",
                {"region": "lhr", "config": machine_config("{volume3}")},
                MACHINE,
                save={"machine3": "id"},
            ),
            wait("{machine3}"),
            delete(F + "/machines/{machine3}?kill=true"),
        ),
    ),
    Command(
        name="fly machine run IMAGE",
        tier=2,
        steps=(
            APP_COMPACT,
            graphql(
                "query ($appName: String!) { app(name: $appName) { network } }",
                {"app": {"network": str}},
                appName="{app}",
            ),
            graphql("query { nearestRegion { code } }", {"nearestRegion": {"code": str}}),
            *RESOLVE_IMAGE,
            post(F + "/machines", {"region": "", "config": machine_config("")}, MACHINE, save={"temporary": "id"}),
            wait("{temporary}"),
            EGRESS,
            delete(F + "/machines/{temporary}?kill=true"),
            GONE,
        ),
    ),
    Command(
        name="fly deploy with a release_command",
        tier=2,
        steps=(
            *NEW_RELEASE,
            post(
                F + "/machines",
                {
                    "region": "lhr",
                    "skip_launch": True,
                    "config": {
                        **machine_config(""),
                        "init": {"exec": ["/bin/sh", "-c", "exit 3"]},
                        "auto_destroy": True,
                        "restart": {"policy": "no"},
                    },
                },
                MACHINE,
                save={"temporary": "id"},
            ),
            wait("{temporary}", "stopped"),
            post(F + "/machines/{temporary}/start", needs={"previous_state": str}),
            GONE,
            get(F + "/machines/{temporary}", ENDED),
            patch(U + "/releases/{release}", {"status": "failed", "metadata": None}, RELEASE | {"status": "failed"}),
        ),
    ),
    Command(
        name="fly deploy --local-only (from source, with caddis up --registry)",
        tier=2,
        steps=(
            get(F, {"status": "deployed"}),
            get(U + "/organizations/personal", ORGANIZATION),
            post(U + "/builds", {"app_name": "{app}", "builder_type": "local"}, BUILD, save={"build": "id"}),
            push("{image}", "{registry}/{app}:deployment-1"),
            post(U + "/builds/finish", {"build_id": 1, "app_name": "{app}", "status": "completed"}, BUILD),
            *NEW_RELEASE,
            lease("{machine2}", seconds=13),
            post(
                M,
                {
                    "region": "lhr",
                    "config": {**machine_config("{volume2}"), "image": "{registry}/{app}:deployment-1"},
                },
                MACHINE | {"image_ref": {"registry": "{registry}", "repository": "{app}", "tag": "deployment-1"}},
                nonce="{nonce}",
            ),
            wait("{machine2}"),
            let_go("{machine2}"),
            RELEASED,
        ),
    ),
    Command(
        name="fly secrets set NAME=VALUE",
        tier=2,
        steps=(
            APP_COMPACT,
            post(
                F + "/secrets",
                {"values": {"TOKEN": "hidden", "OTHER": "x"}},
                {"secrets": some({"name": str, "digest": str}), "version": int},
                save={"secrets": "version"},
            ),
            get(F + "/machines", some(MACHINE)),
            CURRENT_CONFIG,
            get(F, {"status": "deployed"}),
            graphql(
                "query ($appName: String!) { app(name: $appName) {"
                " currentReleaseUnprocessed { id version imageRef } } }",
                {"app": {"currentReleaseUnprocessed": {"id": str, "version": int, "imageRef": str}}},
                appName="{app}",
            ),
            *NEW_RELEASE,
            lease("{machine2}", seconds=13),
            post(
                M,
                {"region": "lhr", "config": machine_config("{volume2}"), "min_secrets_version": 1},
                MACHINE,
                nonce="{nonce}",
            ),
            wait("{machine2}"),
            let_go("{machine2}"),
            RELEASED,
            post(M + "/exec", {"cmd": "env", "timeout": 10}, {"exit_code": 0, "stdout": text_with("TOKEN=hidden\n")}),
        ),
    ),
    Command(
        name="fly secrets list",
        tier=2,
        steps=(
            get(F + "/secrets?version={secrets}", {"secrets": some({"name": one_of("TOKEN", "OTHER"), "digest": str})}),
            get(F + "/machines", some(MACHINE)),
            get(U + "/apps/{app}/releases?limit=10", {"releases": some(RELEASE)}),
        ),
    ),
    Command(
        name="fly secrets unset NAME",
        tier=2,
        steps=(
            post(F + "/secrets", {"values": {"TOKEN": None}}, {"secrets": list, "version": int}),
            get(F + "/secrets", {"secrets": some({"name": "OTHER", "digest": str})}),
        ),
    ),
    Command(
        name="fly volumes show ID",
        tier=2,
        steps=(VOLUME_OF_APP, get(V, VOLUME | {"attached_machine_id": "{machine2}"})),
    ),
    Command(
        name="fly volumes extend ID -s +1",
        tier=2,
        steps=(
            APP_BASIC,
            get(V, VOLUME | {"size_gb": 1}),
            put(V + "/extend", {"size_gb": 2}, {"volume": VOLUME | {"size_gb": 2}, "needs_restart": bool}),
        ),
    ),
    Command(
        name="fly volumes update ID",
        tier=2,
        steps=(
            VOLUME_OF_APP,
            put(V, {"snapshot_retention": 9, "auto_backup_enabled": None}, VOLUME | {"snapshot_retention": 9}),
        ),
    ),
    Command(
        name="fly volumes snapshots create, list ID",
        tier=2,
        steps=(
            VOLUME_OF_APP,
            post(V + "/snapshots"),
            get(V + "/snapshots", some(SNAPSHOT), until=some({"status": "created"}), save={"snapshot": "0.id"}),
        ),
    ),
    Command(
        name="fly volumes create NAME --snapshot-id ID",
        tier=2,
        steps=(
            post(
                F + "/volumes",
                {"name": "again", "region": "lhr", "size_gb": 2, "encrypted": True, "snapshot_id": "{snapshot}"},
                VOLUME,
                save={"restored": "id"},
            ),
            delete(F + "/volumes/{restored}", {"id": str, "name": "again"}),
        ),
    ),
    Command(
        name="fly volumes fork ID",
        tier=2,
        steps=(
            get(V, VOLUME),
            get(M, MACHINE),
            post(
                F + "/volumes",
                {"name": "data", "region": "", "size_gb": None, "encrypted": None, "source_volume_id": "{volume2}"},
                VOLUME | {"size_gb": 2},
                save={"forked": "id"},
            ),
            delete(F + "/volumes/{forked}", {"id": str}),
        ),
    ),
    Command(
        name="fly logs",
        tier=2,
        steps=(
            get(
                U + "/apps/{app}/logs?next_token=&instance=&region=",
                {"data": list, "meta": {"next_token": str}},
                until={"data": some({"id": str, "attributes": {"timestamp": TIME, "message": str, "instance": str}})},
            ),
        ),
    ),
    Command(name="fly releases", tier=2, steps=(RELEASES,)),
    Command(name="fly config show, fly config save", tier=2, steps=(CURRENT_CONFIG,)),
    Command(
        name="fly image show", tier=2, steps=(APP_COMPACT, get(F + "/machines", some(MACHINE)), UNKNOWN_REPOSITORY)
    ),
    Command(
        name="fly status --json",
        tier=2,
        steps=(
            APP_COMPACT,
            get(F + "/machines", some(STARTED | {"events": list})),
            graphql(
                "query ($appName: String!) { app(name: $appName) {"
                " currentRelease: currentReleaseUnprocessed { version } } }",
                {"app": {"currentRelease": {"version": int}}},
                appName="{app}",
            ),
            get(U + "/organizations/personal", ORGANIZATION),
        ),
    ),
    Command(
        name="fly scale vm SIZE, fly scale memory MB",
        tier=2,
        steps=(
            CURRENT_CONFIG,
            get(F + "/machines", some(MACHINE)),
            lease("{machine2}"),
            post(
                M,
                {
                    "region": "lhr",
                    "config": {
                        **machine_config("{volume2}"),
                        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512},
                    },
                },
                MACHINE | {"config": {"guest": {"memory_mb": 512}}},
                nonce="{nonce}",
            ),
            wait("{machine2}", "settled"),
            get(M, MACHINE),
            let_go("{machine2}"),
        ),
    ),
)
NOT_HERE: tuple[Command, ...] = (
    Command(
        name="fly machine suspend ID",
        tier=2,
        missing="what runs machines keeps no memory on disk; the server refuses and says so",
    ),
    Command(
        name="fly deploy (from source, with Fly.io's builders)",
        tier=2,
        missing="they are Depot's and Fly.io's; use --local-only, or `fly` of Caddis, which has the server build",
    ),
    Command(
        name="fly auth login", tier=3, missing="there are no accounts: FLY_ACCESS_TOKEN, which `caddis env` prints"
    ),
    Command(
        name="fly ssh console, fly sftp, fly proxy", tier=3, missing="flyctl wants WireGuard; `fly` of Caddis does it"
    ),
    Command(name="fly ips, fly certs", tier=3, missing="there is no edge proxy yet"),
    Command(name="fly postgres", tier=3, missing="an app with a volume does it today: examples/postgres"),
    Command(name="fly mpg, fly redis, fly storage, fly extensions", tier=3, missing="services of Fly.io"),
)
