"""Makes blob containers and fills them. Runs in the virtual environment, as a program of its own.

``python -m tools.containers NAME ...`` makes containers; the account is that of ``AzureWebJobsStorage``.
"""

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

_ACCOUNT = "AzureWebJobsStorage"


def connect() -> BlobServiceClient:
    """The caller closes it."""
    return BlobServiceClient.from_connection_string(
        os.environ[_ACCOUNT], connection_timeout=5, read_timeout=30
    )


def make(service: BlobServiceClient, names: Sequence[str]) -> None:
    """Changes nothing where they are there."""
    for name in names:
        try:
            service.create_container(name)  # pyright: ignore[reportUnknownMemberType] -- the SDK's
        except ResourceExistsError:
            continue


def upload(container: ContainerClient, blobs: Mapping[str, bytes]) -> list[str]:
    """The names of those sent; a blob that is there with the same content is left, and keeps its ETag."""
    return [name for name, content in blobs.items() if _upload_one(container, name, content)]


def _upload_one(container: ContainerClient, name: str, content: bytes) -> bool:
    digest = bytearray(hashlib.md5(content, usedforsecurity=False).digest())
    blob = container.get_blob_client(name)
    try:
        if blob.get_blob_properties().content_settings.content_md5 == digest:
            return False
    except ResourceNotFoundError:
        pass
    blob.upload_blob(content, overwrite=True, content_settings=ContentSettings(content_md5=digest))
    return True


if __name__ == "__main__":
    with connect() as client:
        make(client, sys.argv[1:])
