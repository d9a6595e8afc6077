"""Values too large for a row, as blobs of a container of their own."""

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobServiceClient
from pydantic_core import from_json, to_json

from repositories.storage_connection import StorageConnection
from schema.errors import BlobUnavailableError
from schema.json_types import JSONObject

_CALL_SECONDS = 60


class BlobPayloadStore:
    """Implements ``interfaces.payloads.PayloadStore``. References are blob names: ``<job_id>/<name>``."""

    def __init__(self, connection: StorageConnection, container: str) -> None:
        self._connection = connection
        self._container = container

    def put(self, job_id: str, name: str, value: JSONObject) -> str:
        reference = f"{job_id}/{name}.json"
        try:
            self._upload(reference, to_json(value))
        except AzureError as exc:
            raise _unavailable() from exc
        return reference

    def get(self, reference: str) -> JSONObject:
        try:
            return from_json(self._blob(reference).download_blob(timeout=_CALL_SECONDS).readall())
        except AzureError as exc:
            raise _unavailable() from exc

    def size(self, reference: str) -> int:
        try:
            return self._blob(reference).get_blob_properties(timeout=_CALL_SECONDS).size
        except AzureError as exc:
            raise _unavailable() from exc

    def read(self, reference: str, first: int, length: int) -> bytes:
        try:
            return self._blob(reference).download_blob(first, length, timeout=_CALL_SECONDS).readall()
        except AzureError as exc:
            raise _unavailable() from exc

    def remove(self, job_id: str) -> int:
        container = self._service().get_container_client(self._container)
        removed = 0
        try:
            for name in container.list_blob_names(name_starts_with=f"{job_id}/", timeout=_CALL_SECONDS):
                container.delete_blob(name, timeout=_CALL_SECONDS)
                removed += 1
        except ResourceNotFoundError:
            return removed
        except AzureError as exc:
            raise _unavailable() from exc
        return removed

    def count(self, job_id: str) -> int:
        container = self._service().get_container_client(self._container)
        try:
            return sum(
                1 for _ in container.list_blob_names(name_starts_with=f"{job_id}/", timeout=_CALL_SECONDS)
            )
        except ResourceNotFoundError:
            return 0
        except AzureError as exc:
            raise _unavailable() from exc

    def _upload(self, reference: str, data: bytes) -> None:
        blob = self._blob(reference)
        try:
            blob.upload_blob(data, overwrite=True, timeout=_CALL_SECONDS)
        except ResourceNotFoundError:
            self._create_container()
            blob.upload_blob(data, overwrite=True, timeout=_CALL_SECONDS)

    def _create_container(self) -> None:
        try:
            self._service().get_container_client(self._container).create_container(timeout=_CALL_SECONDS)
        except ResourceExistsError:
            return

    def _blob(self, reference: str) -> BlobClient:
        return self._service().get_blob_client(self._container, reference)

    def _service(self) -> BlobServiceClient:
        return self._connection.blob_service()


def _unavailable() -> BlobUnavailableError:
    return BlobUnavailableError("blob storage did not answer as it should")
