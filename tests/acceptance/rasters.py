"""What the acceptance tests of rasters share: files in containers, a server that counts, a look at COGs."""

import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import rasterio
from azure.storage.blob import BlobServiceClient
from rasterio.io import MemoryFile

from tests.acceptance.hosting import Host

COLLECTION = "trial"
MOMENT = "2024-05-01T10:00:00Z"
JOB_SECONDS = 300.0


class Listener:
    """Counts who connects to an address on this machine; answers nobody."""

    def __init__(self, port: int) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", port))
        self._socket.settimeout(0.1)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._done.set()
        self._thread.join(5)
        self._socket.close()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            self.connections += 1
            connection.close()


def upload(service: BlobServiceClient, container: str, folder: Path, prefix: str = "") -> list[str]:
    """Every file of a folder as a blob; returns the files' names in order."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    target = service.get_container_client(container)
    for file in files:
        target.upload_blob(f"{prefix}{file.name}", file.read_bytes())
    return [file.name for file in files]


def process(host: Host, blob: str, **parameters: Any) -> dict[str, Any]:
    """The final status of a job of one raster of ``bronze``."""
    given = {"container": "bronze", "blob": blob, "collection_id": COLLECTION, "datetime": MOMENT}
    return host.run("process_raster", JOB_SECONDS, **{**given, **parameters})


def content(host: Host, reference: dict[str, str]) -> bytes:
    """A file that a job's result names."""
    with host.blobs() as service:
        return service.get_blob_client(reference["container"], reference["blob"]).download_blob().readall()


@contextmanager
def cog(host: Host, result: dict[str, Any]) -> Generator[Any]:
    """The COG that a job's result names, opened."""
    with MemoryFile(content(host, result["cog"])) as memory, memory.open(driver="GTiff") as dataset:
        yield dataset


@contextmanager
def opened(path: Path, driver: str = "GTiff") -> Generator[Any]:
    with rasterio.open(path, driver=driver) as dataset:
        yield dataset


def names_under(host: Host, folder: str) -> set[str]:
    """The blobs in ``silver`` below a folder, by their names in it."""
    with host.blobs() as service:
        found = service.get_container_client("silver").list_blobs(name_starts_with=f"{folder}/")
        return {blob.name.removeprefix(f"{folder}/") for blob in found}


def folder_of(result: dict[str, Any]) -> str:
    return result["cog"]["blob"].rpartition("/")[0]


def all_tasks(host: Host, job_id: str) -> Iterator[dict[str, Any]]:
    """A job's tasks as the API shows them, page by page."""
    cursor = ""
    while True:
        page = host.http.get(f"db/tasks/{job_id}?limit=500{cursor}").json()
        yield from page["tasks"]
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={quote(page['next_cursor'])}"
