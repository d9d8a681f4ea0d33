"""The share `/dav` as WsgiDAV knows it: bound to the vault."""

from typing import Any

from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError
from wsgidav.dav_provider import DAVProvider

from docstopd.vault import Vault


class VaultProvider(DAVProvider):  # type: ignore[misc]  # WsgiDAV is untyped
    """One share, whose resources are the vault's nodes."""

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self.vault = vault

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Any:
        """Refuse: WsgiDAV's resource objects know no preconditions and write before they have read.

        Our methods speak to the vault by path, so nothing asks for one; what did would go around the guards.
        """
        raise DAVError(HTTP_FORBIDDEN)
