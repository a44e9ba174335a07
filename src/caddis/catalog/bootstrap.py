"""What `caddis up` makes sure of before anyone can call: an organization, a user's token, the hosts' tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from caddis.catalog import hosts, organizations, tokens

PERSONAL = "personal"
USER_TOKEN_NAME = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Tokens in the clear. The catalog has only hashes: whoever gets this keeps it in a file of mode 0600."""

    user_token: str
    host_tokens: Mapping[str, str]  # by host id


def bootstrap(
    connection: sa.Connection,
    *,
    kept: Credentials | None,
    hosts_wanted: tuple[str, ...],
    now: datetime,
    entropy: Callable[[int], bytes],
) -> Credentials:
    """Ensure organization `personal`, one user token and a token for every wanted host.

    `kept` is what the last call returned, if it is still known: tokens that are still good stay. Others are made anew,
    which ends the ones before. `entropy` is `os.urandom`, or a test's.
    """
    personal = organizations.ensure_organization(connection, PERSONAL, "Personal", now=now)
    user_token = kept.user_token if kept else ""
    if tokens.find_caller(connection, user_token, now) is None:
        tokens.revoke_tokens(connection, USER_TOKEN_NAME, now=now)
        user_token = tokens.make_token(tokens.USER_PREFIX, entropy(tokens.TOKEN_BYTES))
        reach = tokens.Reach(name=USER_TOKEN_NAME, organization_id=personal.id)
        tokens.create_token(connection, user_token, reach, now=now)
    host_tokens = {}
    for host in hosts_wanted:
        token = kept.host_tokens.get(host, "") if kept else ""
        if not hosts.is_host_token(connection, host, token):
            token = tokens.make_token(tokens.HOST_PREFIX, entropy(tokens.TOKEN_BYTES))
            hosts.ensure_host_token(connection, host, token)
        host_tokens[host] = token
    return Credentials(user_token=user_token, host_tokens=host_tokens)
