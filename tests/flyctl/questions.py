"""What flyctl asks in GraphQL in many of its commands."""

from __future__ import annotations

from flyctl.rig import graphql, graphql_error
from flyctl.shapes import ANYTHING, DECIMAL, NUMBER, TIME, maybe, one_of, some, text_with

ORGANIZATIONS = graphql(
    """query($admin: Boolean!) { organizations(admin: $admin) { nodes {
       id slug rawSlug name type paidPlan billable viewerRole internalNumericId } } }""",
    {
        "organizations": {
            "nodes": some(
                {
                    "id": str,
                    "slug": str,
                    "rawSlug": str,
                    "name": str,
                    "type": one_of("PERSONAL", "SHARED"),
                    "paidPlan": bool,
                    "billable": True,
                    "internalNumericId": DECIMAL,
                }
            )
        }
    },
    admin=False,
)
GET_ORGANIZATION = graphql(
    """query GetOrganization ($slug: String!) { organization(slug: $slug) { ... OrganizationData } }
       fragment OrganizationData on Organization {
       id slug rawSlug paidPlan addOnSsoLink provisionsBetaExtensions name billable billingStatus }""",
    {"organization": {"id": str, "slug": "personal", "billable": True, "billingStatus": "CURRENT"}},
    operation="GetOrganization",
    slug="personal",
)
REGIONS = graphql(
    """query { platform { requestRegion regions {
       name code latitude longitude gatewayAvailable requiresPaidPlan deprecated } } }""",
    {"platform": {"regions": some({"name": str, "code": str, "latitude": NUMBER, "deprecated": False})}},
)
APP_BASIC = graphql(
    """query ($appName: String!) { appbasic:app(name: $appName) { id name platformVersion
       organization { id internalNumericId slug rawSlug paidPlan } } }""",
    {"appbasic": {"name": "{app}", "organization": {"id": str, "slug": str, "internalNumericId": DECIMAL}}},
    appName="{app}",
)
APP_COMPACT = graphql(
    """query ($appName: String!) { appcompact:app(name: $appName) {
       id internalNumericId name hostname cnameTarget deployed network status appUrl platformVersion
       organization { id internalNumericId slug paidPlan } postgresAppRole: role { name } } }""",
    {
        "appcompact": {
            "id": str,
            "internalNumericId": int,
            "name": "{app}",
            "deployed": bool,
            "status": str,
            "platformVersion": "machines",
            "organization": {"id": str, "slug": "personal", "internalNumericId": DECIMAL},
            "postgresAppRole": maybe({"name": str}),
        }
    },
    appName="{app}",
)
EGRESS = graphql(
    "query($appName: String!) { app(name: $appName) {"
    " egressIpAddresses { nodes { id ip version region updatedAt } } } }",
    {"app": {"egressIpAddresses": {"nodes": []}}},
    appName="{app}",
)
CURRENT_CONFIG = graphql(
    "query FlyctlConfigCurrentRelease($appName: String!) {"
    " app(name: $appName) { currentReleaseUnprocessed { configDefinition } } }",
    {"app": {"currentReleaseUnprocessed": {"configDefinition": {"app": "{app}", "mounts": ANYTHING}}}},
    operation="FlyctlConfigCurrentRelease",
    appName="{app}",
)
RELEASES = graphql(
    """query($appName: String!, $limit: Int!) { app(name: $appName) { releases: releasesUnprocessed(first: $limit) {
       nodes { id version description reason status imageRef stable user { id email name } createdAt } } } }""",
    {
        "app": {
            "releases": {
                "nodes": some(
                    {
                        "id": str,
                        "version": int,
                        "status": str,
                        "imageRef": str,
                        "createdAt": TIME,
                        "user": {"email": str},
                    }
                )
            }
        }
    },
    appName="{app}",
    limit=25,
    status="complete",
)
UNKNOWN_REPOSITORY = graphql_error(
    """query ($image: String!, $flyVersion: String) { latestImageDetails(image: $image, flyVersion: $flyVersion) {
       registry repository tag version digest } }""",
    text_with("Unknown repository"),
    image="{image}",
    flyVersion="",
)
