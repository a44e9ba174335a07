"""GraphQL as flyctl asks it: answers by alias, with the JSON types that it decodes, and errors with its words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from real_api import ApiServer, run_api

pytestmark = pytest.mark.host

_numbers = count(1)
_ORGANIZATION = "id internalNumericId slug rawSlug name type paidPlan billable billingStatus viewerRole"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with run_api(tmp_path_factory.mktemp("api"), ("a", "z1", "lhr"), ("b", "z2", "ord")) as server:
        yield server


@pytest.fixture
def app(api: ApiServer) -> str:
    name = f"app-{next(_numbers)}"
    api.http.post("/v1/apps?wait=true", json={"name": name, "org_slug": "personal"}).raise_for_status()
    return name


def _ask(api: ApiServer, query: str, *, token: str | None = None, **variables: Any) -> dict[str, Any]:
    answer = api.ask("POST", "/graphql", token=token, json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _data(api: ApiServer, query: str, *, token: str | None = None, **variables: Any) -> Any:
    told = _ask(api, query, token=token, **variables)
    assert "errors" not in told, told
    return told["data"]


def _complaint(api: ApiServer, query: str, *, token: str | None = None, **variables: Any) -> str:
    return str(_ask(api, query, token=token, **variables)["errors"][0]["message"])


def _release(api: ApiServer, app: str, image: str = "debian:12", status: str = "complete") -> str:
    body = {"app_name": app, "definition": {"app": app, "x": [1]}, "image": image, "strategy": "ROLLING"}
    release = api.http.post("/api/v1/releases", json=body).json()["release"]["id"]
    api.http.patch(f"/api/v1/releases/{release}", json={"status": status, "metadata": None}).raise_for_status()
    return str(release)


def _machine(api: ApiServer, app: str, **config: Any) -> dict[str, Any]:
    body = {"config": {"image": "debian:12", **config}, "region": "lhr"}
    made: dict[str, Any] = api.http.post(f"/v1/apps/{app}/machines", json=body).json()
    return made


def test_the_viewer_is_a_user_by_the_name_of_its_token(api: ApiServer) -> None:
    query = "query { viewer { ... on User { id email enablePaidHobby } ... on Macaroon { email } } }"
    viewer = _data(api, query)["viewer"]
    assert viewer["email"] and viewer["enablePaidHobby"] is False


def test_organizations_have_numbers_as_text_and_are_billable(api: ApiServer) -> None:
    query = f"query($admin: Boolean!) {{ organizations(admin: $admin) {{ nodes {{ {_ORGANIZATION} }} }} }}"
    (one,) = _data(api, query, admin=False)["organizations"]["nodes"]
    assert (one["slug"], one["rawSlug"], one["type"], one["billable"]) == ("personal", "personal", "PERSONAL", True)
    assert isinstance(one["internalNumericId"], str) and one["internalNumericId"].isdecimal()
    by_slug = f"query GetOrganization($slug: String!) {{ organization(slug: $slug) {{ {_ORGANIZATION} }} }}"
    assert _data(api, by_slug, slug="personal")["organization"] == one
    assert _data(api, "{ organization(id: %s) { slug } }" % one["id"])["organization"] == {"slug": "personal"}  # noqa: UP031


def test_an_organization_that_is_not_reached_is_an_error_and_never_just_null(api: ApiServer) -> None:
    api.ensure_organization("other")
    query = 'query($slug: String!) { organization(slug: $slug) { id addOns(type: "tigris") { nodes { id } } } }'
    assert _data(api, query, slug="personal")["organization"]["addOns"] == {"nodes": []}
    assert "does not reach" in _complaint(api, query, slug="other")
    assert "not found" in _complaint(api, query, slug="nowhere")


def test_the_regions_are_those_with_hosts(api: ApiServer) -> None:
    query = "query { platform { requestRegion regions { name code latitude longitude deprecated } } }"
    platform = _data(api, query)["platform"]
    assert [region["code"] for region in platform["regions"]] == ["lhr", "ord"]
    assert all(isinstance(region["latitude"], float) and not region["deprecated"] for region in platform["regions"])
    nearest = _data(api, "query($gateway: Boolean) { nearestRegion(wireguardGateway: $gateway) { code } }")
    assert nearest["nearestRegion"]["code"] == platform["requestRegion"]


def test_an_app_answers_to_its_aliases_with_the_types_that_clients_decode(api: ApiServer, app: str) -> None:
    query = """query ($appName: String!) { appcompact:app(name: $appName) {
        id internalNumericId name hostname cnameTarget deployed network status appUrl platformVersion
        organization { id internalNumericId slug paidPlan } postgresAppRole: role { name } } }"""
    told = _data(api, query, appName=app)["appcompact"]
    assert isinstance(told["internalNumericId"], int) and isinstance(told["organization"]["internalNumericId"], str)
    assert (told["name"], told["status"], told["deployed"], told["network"]) == (app, "pending", False, "default")
    assert told["postgresAppRole"] is None and told["platformVersion"] == "machines"


def test_an_unknown_app_is_an_error_in_the_words_that_clients_look_for(api: ApiServer, app: str) -> None:
    query = "query ($name: String!) { app(name: $name) { id } }"
    told = _ask(api, query, name="no-such-app")
    assert "Could not find App" in told["errors"][0]["message"]
    assert told["errors"][0]["extensions"]["code"] == "NOT_FOUND" and told["data"] is None
    others = api.make_token(organization="other")
    assert "another organization" in _complaint(api, query, token=others, name=app)


def test_everything_about_one_app_in_one_document(api: ApiServer, app: str) -> None:
    _release(api, app)
    machine = _machine(api, app, env={"A": "b"})
    query = """query ($appName: String!) { app(name: $appName) {
        id version currentRelease { evaluationId status inProgress version } config { definition }
        services { description protocol internalPort ports { port handlers } }
        ipAddresses { nodes { id address type createdAt } } sharedIpAddress
        imageDetails { registry repository tag digest version } regions { name code }
        machines { nodes { id name config state region createdAt app { name }
                   ips { nodes { family kind ip maskSize } } host { id } } }
        limitedAccessTokens { nodes { id name expiresAt } } hostIssues { nodes { internalId message } }
        egressIpAddresses { nodes { id ip version region updatedAt } } } }"""
    told = _data(api, query, appName=app)["app"]
    assert (told["version"], told["currentRelease"]["status"], told["currentRelease"]["version"]) == (1, "complete", 1)
    assert told["config"]["definition"] == {"app": app, "x": [1]}
    (listed,) = told["machines"]["nodes"]
    assert listed["id"] == machine["id"] and listed["config"]["env"] == {"A": "b"} and listed["app"] == {"name": app}
    assert told["hostIssues"] == told["egressIpAddresses"] == told["ipAddresses"] == {"nodes": []}


def test_releases_are_newest_first_and_a_status_that_nobody_declared_counts(api: ApiServer, app: str) -> None:
    _release(api, app, "one")
    _release(api, app, "two", status="failed")
    query = """query($appName: String!, $limit: Int!) { app(name: $appName) {
        releases: releasesUnprocessed(first: $limit) { nodes {
            id version description reason status imageRef stable user { id email name } createdAt } } } }"""
    found = _data(api, query, appName=app, limit=25)["app"]["releases"]["nodes"]
    assert [(one["version"], one["imageRef"], one["stable"]) for one in found] == [(2, "two", False), (1, "one", True)]
    assert isinstance(found[0]["id"], str) and found[0]["user"]["email"]
    complete = _data(api, query, appName=app, limit=1, status="complete")["app"]["releases"]["nodes"]
    assert [one["version"] for one in complete] == [1]


def test_the_definition_that_was_posted_comes_back_unchanged_or_null(api: ApiServer, app: str) -> None:
    query = "query FlyctlConfigCurrentRelease($appName: String!) { app(name: $appName) {"
    query += " currentReleaseUnprocessed { id version imageRef configDefinition } } }"
    assert _data(api, query, appName=app)["app"]["currentReleaseUnprocessed"] is None
    _release(api, app)
    current = _data(api, query, appName=app)["app"]["currentReleaseUnprocessed"]
    assert current["configDefinition"] == {"app": app, "x": [1]} and current["imageRef"] == "debian:12"


def test_apps_come_in_pages(api: ApiServer) -> None:
    names = sorted(f"page-{number}" for number in range(3))
    for name in names:
        api.http.post("/v1/apps", json={"name": name}).raise_for_status()
    query = """query($org: ID, $after: String, $first: Int) {
        apps(type: "container", first: $first, after: $after, organizationId: $org) {
            pageInfo { hasNextPage endCursor }
            nodes { id name deployed hostname platformVersion network organization { slug name }
                    currentRelease { createdAt status } status } } }"""
    seen: list[str] = []
    after, more = "", True
    while more:
        page = _data(api, query, after=after, first=2)["apps"]
        seen += [node["name"] for node in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == sorted(seen) and set(names) <= set(seen)
    assert _data(api, '{ apps(role: "postgres_cluster") { nodes { id } } }')["apps"]["nodes"] == []


def test_a_machine_and_a_volume_are_found_by_their_ids_alone(api: ApiServer, app: str) -> None:
    machine = _machine(api, app)
    query = "query($id: String!) { gqlmachine: machine(machineId: $id) { id name app { name organization { slug } } } }"
    assert _data(api, query, id=machine["id"])["gqlmachine"]["app"]["name"] == app
    assert "Could not find Machine" in _complaint(api, query, id="0" * 14)
    assert "Could not find Machine" in _complaint(
        api, query, token=api.make_token(organization="other"), id=machine["id"]
    )
    body = {"name": "data", "region": "lhr", "size_gb": 1}
    volume = api.http.post(f"/v1/apps/{app}/volumes", json=body).json()["id"]
    query = "query($id: ID!) { volume(id: $id) { ... on Volume { app { name } } } }"
    assert _data(api, query, id=volume)["volume"] == {"app": {"name": app}}
    node = _data(api, "query($id: ID!) { node(id: $id) { id ... on Volume { sizeGb } } }", id=volume)["node"]
    assert node == {"id": volume, "sizeGb": 1}
    assert "Could not find Volume" in _complaint(api, query, id="vol_" + "0" * 16)


def test_nobody_knows_of_newer_images(api: ApiServer) -> None:
    query = "query($image: String!, $v: String) { latestImageDetails(image: $image, flyVersion: $v) { tag digest } }"
    assert "Unknown repository" in _complaint(api, query, image="debian:12")


def test_older_clients_create_release_and_delete_through_mutations(api: ApiServer) -> None:
    create = """mutation($input: CreateAppInput!) { createApp(input: $input) {
        app { id name organization { slug } config { definition } regions { name code } } } }"""
    organization = _data(api, "{ personalOrganization { id } }")["personalOrganization"]["id"]
    made = _data(api, create, input={"organizationId": organization, "name": "by-mutation"})["createApp"]["app"]
    assert made["name"] == "by-mutation" and made["config"]["definition"] == {}
    assert "Name has already been taken" in _complaint(
        api, create, input={"organizationId": organization, "name": "by-mutation"}
    )
    release = "mutation($input: CreateReleaseInput!) { createRelease(input: $input) { release { id version } } }"
    wish = {"appId": "by-mutation", "image": "i", "platformVersion": "machines", "strategy": "ROLLING"}
    begun = _data(api, release, input={**wish, "definition": {"a": 1}})["createRelease"]["release"]
    assert begun["version"] == 1
    update = "mutation($input: UpdateReleaseInput!) { updateRelease(input: $input) { release { id } } }"
    _data(api, update, input={"releaseId": begun["id"], "status": "complete"})
    assert api.http.get("/v1/apps/by-mutation").json()["status"] == "deployed"
    delete = "mutation($appId: ID!) { deleteApp(appId: $appId) { organization { id } } }"
    assert _data(api, delete, appId="by-mutation")["deleteApp"]["organization"]["id"] == organization
    assert api.http.get("/v1/apps/by-mutation").status_code == 404


def test_tokens_are_made_listed_and_revoked(api: ApiServer, app: str) -> None:
    organization = _data(api, "{ personalOrganization { id } }")["personalOrganization"]["id"]
    create = """mutation CreateLimitedAccessToken($name: String!, $organizationId: ID!, $profile: String!,
        $profileParams: JSON, $expiry: String) { createLimitedAccessToken(input: {name: $name,
        organizationId: $organizationId, profile: $profile, profileParams: $profileParams, expiry: $expiry}) {
        limitedAccessToken { id token tokenHeader } } }"""
    wish = {"name": "ci", "organizationId": organization, "profile": "deploy", "profileParams": {"app_id": app}}
    made = _data(api, create, **wish, expiry="720h")["createLimitedAccessToken"]["limitedAccessToken"]
    assert made["tokenHeader"] == f"Bearer {made['token']}"
    whose = "query ($appName: String!) { appLimitedAccessTokens: app(name: $appName) { limitedAccessTokens {"
    whose += " nodes { id name token expiresAt revokedAt user { email } } } } }"
    (listed,) = _data(api, whose, appName=app)["appLimitedAccessTokens"]["limitedAccessTokens"]["nodes"]
    assert (listed["name"], listed["token"], listed["revokedAt"]) == ("ci", None, None) and listed["expiresAt"]
    of_app = _data(api, whose, token=made["token"], appName=app)["appLimitedAccessTokens"]
    assert of_app["limitedAccessTokens"] == {"nodes": []}
    assert "neither create nor destroy" in _complaint(api, create, token=made["token"], **wish)
    assert "neither of deploy" in _complaint(api, create, **wish | {"profile": "ssh"})
    revoke = "mutation($input: DeleteLimitedAccessTokenInput!) { deleteLimitedAccessToken(input: $input) { token } }"
    _data(api, revoke, input={"id": listed["id"]})
    assert api.ask("GET", f"/v1/apps/{app}", token=made["token"]).status_code == 401


def test_a_token_that_is_read_only_may_ask_and_change_nothing(api: ApiServer, app: str) -> None:
    token = api.make_token(read_only=True)
    assert _data(api, "query($n: String!) { app(name: $n) { name } }", token=token, n=app)["app"]["name"] == app
    delete = "mutation($appId: ID!) { deleteApp(appId: $appId) { organization { id } } }"
    assert "read-only" in _complaint(api, delete, token=token, appId=app)
    of_app = api.make_token(app_id=api.http.get(f"/v1/apps/{app}").json()["internal_numeric_id"])
    assert "neither create nor destroy" in _complaint(api, delete, token=of_app, appId=app)
    resolve = 'query($n: String!) { app(name: $n) { image(ref: "debian:12") { id } } }'
    assert "read-only" in _complaint(api, resolve, token=token, n=app)
    assert api.http.get(f"/v1/apps/{app}").status_code == 200
    assert api.ask("POST", "/graphql", token="", json={"query": "{ viewer { __typename } }"}).status_code == 401


@pytest.mark.parametrize(
    "query",
    ["", "{", "{ nothing }", "query { app }", "{ a: viewer " + "{ __typename } b: viewer { __typename } " * 900 + "}"],
)
def test_what_does_not_fit_is_told_with_status_200(api: ApiServer, query: str) -> None:
    answer = api.http.post("/graphql", json={"query": query})
    assert answer.status_code == 200 and answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [[], {}, {"query": 1}, {"query": "{ viewer { __typename } }", "variables": [1]}])
def test_what_is_no_graphql_request_is_refused(api: ApiServer, body: Any) -> None:
    assert api.http.post("/graphql", json=body).status_code == 400


def test_a_short_document_cannot_ask_for_very_much(api: ApiServer, app: str) -> None:
    for _ in range(5):
        _machine(api, app)
    query = '{ app(name: "%s") %s }' % (app, "{ machines { nodes { app " * 12 + "{ id }" + "} } }" * 12)  # noqa: UP031
    assert "objects" in _complaint(api, query)
