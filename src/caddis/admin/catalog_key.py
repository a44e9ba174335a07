"""The key that opens the apps' secrets: made with the installation, and looked at before anyone needs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from caddis.domain.errors import Damaged

if TYPE_CHECKING:
    from caddis.catalog.database import Catalog


def ensure_catalog_key(data: Path, catalog: Catalog) -> str:
    """Ensure it; what is wrong with it and what to do, "" when it is good.

    That is no reason not to start: machines have their secrets with them, and only changes to them need the key.
    """
    from caddis.catalog.vault import KEY_FILE, Vault

    try:
        catalog.write(Vault(data / KEY_FILE).ensure)
    except Damaged as damaged:
        return f"{damaged.message}: {damaged.hint}" if damaged.hint else damaged.message
    return ""
