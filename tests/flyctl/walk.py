"""Tier 1: from nothing to a scaled app with volumes, and back to nothing (facts: flyctl-minimum-server 2)."""

from __future__ import annotations

from flyctl.objects import (
    APP,
    BUILD,
    MACHINE,
    ORGANIZATION,
    RELEASE,
    VOLUME,
    WITH_VOLUME,
    F,
    U,
    lease,
    let_go,
    wait,
)
from flyctl.questions import (
    APP_BASIC,
    APP_COMPACT,
    CURRENT_CONFIG,
    EGRESS,
    GET_ORGANIZATION,
    ORGANIZATIONS,
    REGIONS,
    RELEASES,
    UNKNOWN_REPOSITORY,
)
from flyctl.rig import Command, Step, delete, get, graphql, graphql_error, patch, post
from flyctl.shapes import DECIMAL, NULL, OBJECT, Like, some, text_with

RESOLVE_IMAGE: tuple[Step, ...] = (
    get(F, APP),
    get(U + "/organizations/personal", ORGANIZATION),
    post(U + "/builds", {"app_name": "{app}", "builder_type": "remote"}, BUILD, save={"build": "id"}),
    graphql(
        """query ($appName: String!, $imageRef: String!) { app(name: $appName) { id image(ref: $imageRef) {
           id digest ref compressedSize: compressedSizeFull manifest } } }""",
        {
            "app": {
                "image": {
                    "id": str,
                    "digest": text_with("sha256:"),
                    "ref": str,
                    "compressedSize": DECIMAL,
                    "manifest": NULL,
                }
            }
        },
        save={"ref": "app.image.ref"},
        appName="{app}",
        imageRef="{image}",
    ),
    post(U + "/builds/finish", {"build_id": 1, "app_name": "{app}", "status": "completed"}, BUILD),
)
DEFINITION = {"app": "{app}", "primary_region": "lhr", "mounts": [{"source": "data", "destination": "/data"}]}
NEW_RELEASE = (
    post(
        U + "/releases",
        {"app_name": "{app}", "build_id": None, "definition": DEFINITION, "image": "{ref}", "strategy": "ROLLING"},
        {"release": RELEASE},
        save={"release": "release.id", "version": "release.version"},
    ),
    EGRESS,
    patch(U + "/releases/{release}", {"status": "running", "metadata": None}, RELEASE),
)
RELEASED = patch(
    U + "/releases/{release}",
    {"status": "complete", "metadata": {"post_deployment_info": {"flyctl_version": "0", "error": ""}}},
    RELEASE | {"status": "complete"},
)
METADATA = {
    "fly_platform_version": "v2",
    "fly_process_group": "app",
    "fly_release_id": "{release}",
    "fly_release_version": "{version}",
    "fly_flyctl_version": "0.0.0",
}


def machine_config(volume: str) -> dict[str, object]:
    """As deploy sends it: a mount with name and path, and without size or encryption."""
    mounts = [{"volume": volume, "path": "/data", "name": "data"}] if volume else []
    return {
        "image": "{ref}",
        "env": {"FLY_PROCESS_GROUP": "app", "PRIMARY_REGION": "lhr"},
        "init": {},
        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
        "metadata": METADATA,
        "mounts": mounts,
        "services": [],
        "restart": {"policy": "always"},
    }


def _has_begun(events: object) -> bool:
    types = [event["type"] for event in events] if isinstance(events, list) else []
    return "start" in types and "launch" in types and types.index("start") < types.index("launch")


STARTED = MACHINE | {"state": "started", "events": Like("a start that is newer than the launch", _has_begun)}


def created(name: str, volume: str) -> tuple[Step, ...]:
    """A machine as deploy makes it: born with a lease, seen to start, and let go."""
    return (
        post(
            F + "/machines",
            {"region": "lhr", "config": machine_config(volume), "lease_ttl": 300, "skip_secrets": False},
            MACHINE | {"nonce": str},
            save={name: "id", "nonce": "nonce"},
        ),
        wait("{%s}" % name),  # noqa: UP031
        get(F + "/machines/{%s}" % name, STARTED),  # noqa: UP031
        let_go("{%s}" % name),  # noqa: UP031
    )


LAUNCH = Command(
    name="fly launch --image IMAGE --no-deploy --yes",
    tier=1,
    steps=(
        ORGANIZATIONS,
        get(F, status=(404,), needs={"error": str}),
        post(
            "/v1/platform/placements",
            {
                "compute": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 1024},
                "region": "any",
                "count": 2,
                "org_slug": "personal",
            },
            {"regions": some({"region": str, "count": int, "concurrency": int})},
        ),
        get(U + "/organizations/personal", ORGANIZATION),
        get("/v1/apps?org_slug=personal&app_role=remote-docker-builder", {"apps": []}),
        GET_ORGANIZATION,
        REGIONS,
        post(
            "/v1/apps?wait=true",
            {"name": "{app}", "org_slug": "personal", "network": "", "app_role_id": ""},
            APP | {"name": "{app}", "status": "pending"},
        ),
        get(F, APP | {"name": "{app}"}),
    ),
)
CREATE_VOLUME = Command(
    name="fly volumes create data -r REGION -s 1",
    tier=1,
    steps=(
        REGIONS,
        APP_BASIC,
        get(F + "/volumes", [VOLUME]),
        post(
            F + "/volumes",
            {
                "name": "data",
                "region": "lhr",
                "size_gb": 1,
                "encrypted": True,
                "require_unique_zone": True,
                "snapshot_id": None,
            },
            VOLUME | {"name": "data", "attached_machine_id": NULL},
            save={"volume": "id"},
        ),
    ),
)
FIRST_DEPLOY = Command(
    name="fly deploy --image IMAGE (first, with a volume)",
    tier=1,
    steps=(
        *RESOLVE_IMAGE,
        get(F + "/machines", []),
        get(F + "/volumes", some(VOLUME)),
        get(F + "/ip_assignments", {"ips": []}),
        *NEW_RELEASE,
        *created("machine", "{volume}"),
        RELEASED,
        get(F, APP | {"status": "deployed"}),
    ),
)
LIST_VOLUMES = Command(
    name="fly volumes list",
    tier=1,
    steps=(APP_BASIC, get(F + "/volumes", some(VOLUME | {"attached_machine_id": "{machine}"}))),
)
LIST_MACHINES = Command(name="fly machine list", tier=1, steps=(get(F + "/machines", some(WITH_VOLUME)),))
STATUS = Command(
    name="fly status", tier=1, steps=(APP_COMPACT, get(F + "/machines", some(WITH_VOLUME)), UNKNOWN_REPOSITORY)
)
SECOND_DEPLOY = Command(
    name="fly deploy --image IMAGE (again)",
    tier=1,
    steps=(
        *RESOLVE_IMAGE,
        get(F + "/machines", some(WITH_VOLUME)),
        get(F + "/volumes", some(VOLUME)),
        *NEW_RELEASE,
        lease("{machine}", seconds=13),
        post(F + "/machines/{machine}/lease?ttl=13", nonce="{nonce}", needs={"data": {"nonce": "{nonce}"}}),
        post(
            F + "/machines/{machine}",
            {"region": "lhr", "config": machine_config("{volume}"), "skip_launch": False},
            WITH_VOLUME | {"id": "{machine}"},
            nonce="{nonce}",
        ),
        wait("{machine}"),
        get(F + "/machines/{machine}", until={"state": "started"}, needs=STARTED),
        get(F + "/machines/{machine}/ps", some({"pid": int, "command": str, "listen_sockets": list})),
        let_go("{machine}"),
        RELEASED,
    ),
)
SCALE = Command(
    name="fly scale count 2",
    tier=1,
    steps=(
        CURRENT_CONFIG,
        get(F + "/machines", some(WITH_VOLUME)),
        RELEASES,
        get(F + "/volumes", some(VOLUME)),
        lease("{machine}"),
        post(
            F + "/volumes",
            {
                "name": "data",
                "region": "lhr",
                "size_gb": 1,
                "encrypted": True,
                "require_unique_zone": True,
                "compute": None,
            },
            VOLUME,
            save={"volume2": "id"},
        ),
        post(
            F + "/machines", {"region": "lhr", "config": machine_config("{volume2}")}, MACHINE, save={"machine2": "id"}
        ),
        let_go("{machine}"),
        EGRESS,
        wait("{machine2}"),
    ),
)
SHOW_SCALE = Command(name="fly scale show", tier=1, steps=(get(F + "/machines", some(MACHINE)),))
DESTROY_MACHINES = Command(
    name="fly machine destroy ID --force",
    tier=1,
    steps=tuple(
        step
        for name in ("{machine}", "{machine2}")
        for step in (
            get(F + f"/machines/{name}", MACHINE),
            lease(name),
            APP_COMPACT,
            delete(F + f"/machines/{name}?kill=true", nonce="{nonce}"),
            delete(F + f"/machines/{name}/lease", nonce="{nonce}", status=(200, 404)),
        )
    ),
)
DESTROY_VOLUMES = Command(
    name="fly volumes destroy ID --yes",
    tier=1,
    steps=(
        delete(F + "/volumes/{volume}", {"id": "{volume}", "name": "data", "state": "pending_destroy"}),
        get(F + "/volumes/{volume}", VOLUME | {"state": "pending_destroy"}),
    ),
)
DESTROY_APP = Command(
    name="fly apps destroy NAME --yes",
    tier=1,
    steps=(
        graphql(
            """query ($appName: String!) { app(name: $appName) {
               id internalNumericId name hostname deployed status version appUrl platformVersion
               currentRelease { evaluationId status inProgress version } config { definition }
               organization { id slug paidPlan } services { description protocol internalPort ports { port handlers } }
               ipAddresses { nodes { id address type createdAt } } sharedIpAddress cnameTarget
               imageDetails { registry repository tag digest version }
               machines { nodes { id name config state region createdAt app { name }
               ips { nodes { family kind ip maskSize } } host { id } } } postgresAppRole: role { name } } }""",
            {
                "app": {
                    "id": str,
                    "internalNumericId": int,
                    "version": int,
                    "organization": {"id": str, "slug": "personal"},
                    "config": {"definition": OBJECT},
                    "machines": {"nodes": list},
                }
            },
            appName="{app}",
        ),
        graphql(
            "query($slug: String!) { organization(slug: $slug) {"
            " id internalNumericId slug rawSlug name type billable } }",
            {"organization": {"id": str, "slug": "personal", "internalNumericId": DECIMAL}},
            slug="personal",
        ),
        graphql(
            """query ListOrganizationAddOns ($slug: String!) { organization(slug: $slug) { addOns(type: "tigris") {
               nodes { id name metadata } } } }""",
            {"organization": {"addOns": {"nodes": []}}},
            operation="ListOrganizationAddOns",
            slug="personal",
        ),
        delete(F),
        get(F, status=(404,), needs={"error": str}),
        graphql_error(
            "query ($appName: String!) { app(name: $appName) { id } }", text_with("Could not find App"), appName="{app}"
        ),
    ),
)
