"""Who this process is to Azure: one credential, made when it is first needed."""

import logging
import threading

from azure.identity import DefaultAzureCredential

_log = logging.getLogger(__name__)


class AzureIdentity:
    """``client_id`` names a user-assigned managed identity. ``close`` ends the credential's connections."""

    def __init__(self, client_id: str | None = None) -> None:
        self._client_id = client_id
        self._lock = threading.Lock()
        self._credential: DefaultAzureCredential | None = None

    def credential(self) -> DefaultAzureCredential:
        """The same one each time: making one takes half a second, and its tokens are cached in it."""
        with self._lock:
            if self._credential is None:
                self._credential = DefaultAzureCredential(managed_identity_client_id=self._client_id)
                _log.info("credential made", extra={"credential": "DefaultAzureCredential"})
            return self._credential

    def token(self, scope: str) -> str:
        """An access token that is valid now."""
        return self.credential().get_token(scope).token

    def close(self) -> None:
        with self._lock:
            credential, self._credential = self._credential, None
        if credential is not None:
            credential.close()
