"""Tokens: made by the catalog's room, kept here in files that only their owner can read."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from caddis.admin.installation import Installation, write_private

if TYPE_CHECKING:
    from caddis.catalog.database import Catalog


def ensure_credentials(installation: Installation, catalog: Catalog, hosts: list[str]) -> str:
    """Ensure the catalog's first rows and the token files of user and hosts; the user's token."""
    from caddis.catalog.bootstrap import Credentials, bootstrap

    folders = {host: installation.data / "hosts" / host for host in hosts}
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept_hosts = {
        host: (folder / "token").read_text().strip() for host, folder in folders.items() if _has_token(folder)
    }
    made = catalog.write(
        bootstrap,
        kept=Credentials(user_token=installation.find_token() or "", host_tokens=kept_hosts),
        hosts_wanted=tuple(hosts),
        now=datetime.now(UTC),
        entropy=os.urandom,
    )
    for host, token in made.host_tokens.items():
        if token != kept_hosts.get(host):
            write_private(folders[host] / "token", token + "\n")
    if made.user_token != installation.find_token():
        write_private(installation.data / "token", made.user_token + "\n")
    return made.user_token


def _has_token(folder: os.PathLike[str]) -> bool:
    return os.path.exists(os.path.join(folder, "token"))
