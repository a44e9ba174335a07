"""Apps and organizations (facts: machines-api 3, flyctl-calls 1.7)."""

from __future__ import annotations

from caddis.client.request import Request, get, post, segment


def app_path(app: str) -> str:
    """Where everything of an app lives."""
    return f"/v1/apps/{segment(app)}"


def create_app(name: str, organization: str, *, network: str = "") -> Request:
    """NameTaken when somebody has that name."""
    body = {"name": name, "org_slug": organization, "network": network, "app_role_id": ""}
    return post("/v1/apps", body, query=(("wait", "true"),))


def get_app(app: str) -> Request:
    """NotFound when there is none."""
    return get(app_path(app))


def list_apps(organization: str) -> Request:
    """`{"apps": [...]}` of one organization."""
    return get("/v1/apps", query=(("org_slug", organization),))


def destroy_app(app: str) -> Request:
    """With its machines and volumes."""
    return Request(method="DELETE", path=app_path(app))


def suspend_app(app: str) -> Request:
    """Stop its machines; `{"machines": [...], "failed": [...]}`."""
    return post(f"{app_path(app)}/suspend")


def resume_app(app: str) -> Request:
    """Start those that ran; answers as `suspend_app`."""
    return post(f"{app_path(app)}/resume")


def list_organizations() -> Request:
    """`{"organizations": [...]}` that the token reaches."""
    return get("/api/v1/organizations")


def get_current_token() -> Request:
    """`{"tokens": [...]}`: who the token speaks for."""
    return get("/v1/tokens/current")


def get_organization(slug: str) -> Request:
    """`{"organization": …}`; Forbidden when the token is not of it."""
    return get(f"/api/v1/organizations/{segment(slug)}")
