"""Both container jobs, whole, on real blobs, real queues and a real database."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import pytest

from repositories.storage_connection import StorageConnection
from schema.json_types import JSONObject
from schema.records import JobRecord
from schema.states import JobStatus
from tests.support.local_host import LocalHost
from tests.support.rasters import cog_bytes, raster_bytes, real_file
from triggers.application import Application

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

Upload = Callable[..., None]


@pytest.fixture
def upload(storage: StorageConnection) -> Upload:
    """Puts blobs, given as name=content, into bronze; silver is there too."""
    service = storage.blob_service()
    for container in ("bronze", "silver"):
        service.create_container(container)

    def put(**blobs: bytes) -> None:
        for name, data in blobs.items():
            service.get_blob_client("bronze", name).upload_blob(data, overwrite=True)

    return put


@pytest.fixture
def host(application: Application, storage: StorageConnection) -> LocalHost:
    return LocalHost(application, storage)


def completed(job: JobRecord) -> Any:
    assert job.status is JobStatus.COMPLETED, job.error
    return job.result


def test_an_empty_container_is_summarized_with_zeros(host: LocalHost, upload: Upload) -> None:
    result = completed(host.run("summarize_container", {"container": "bronze"}))
    assert (result["files"], result["bytes"], result["folders"]) == (0, 0, [])


def test_a_container_is_summarized(host: LocalHost, upload: Upload) -> None:
    upload(**{"a/1.tif": b"123", "a/2.tif": b"4", "b/3.csv": b"", "bad\u202ename": b"5"})
    result = completed(host.run("summarize_container", {"container": "bronze"}))
    assert (result["files"], result["bytes"]) == (4, 5)
    assert result["by_extension"][".tif"] == {"files": 2, "bytes": 4}
    assert result["unreadable_names"]["examples"][0]["name"] == "bad\\u202ename"


@pytest.mark.parametrize("job_type", ["summarize_container", "list_container"])
@pytest.mark.parametrize(
    ("container", "code"), [("gold", "CONTAINER_NOT_FOUND"), ("secret", "CONTAINER_NOT_ALLOWED")]
)
def test_a_container_that_cannot_be_read_fails_the_job(
    host: LocalHost, upload: Upload, job_type: str, container: str, code: str
) -> None:
    job = host.run(job_type, {"container": container})
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == code
    assert container in job.error.message


def test_a_filter_that_matches_nothing_completes_with_zero_files(host: LocalHost, upload: Upload) -> None:
    upload(**{"a.csv": b"1"})
    parameters: JSONObject = {"container": "bronze", "filter": ".tif", "create_index": True}
    result = completed(host.run("list_container", parameters))
    assert (result["files"], result["listed"], result["index"]) == (0, 1, None)


def test_rasters_are_described_and_indexed(
    host: LocalHost, upload: Upload, storage: StorageConnection
) -> None:
    upload(
        **{
            "in/cog.tif": cog_bytes(),
            "in/plain.tif": raster_bytes(3_000, 3_000),
            "in/broken.tif": b"<VRTDataset/>",
            "in/notes.txt": b"words",
        }
    )
    parameters: JSONObject = {
        "container": "bronze",
        "prefix": "in/",
        "metadata_level": "full",
        "create_index": True,
    }
    result = completed(host.run("list_container", parameters))
    assert (result["files"], result["described"], result["failed"]) == (4, 4, 0)
    assert result["rasters"] == {
        "readable": 2,
        "unreadable": 1,
        "cloud_optimized": 1,
        "problems": {"RASTER_FORMAT_UNSUPPORTED": 1},
    }
    silver = storage.blob_service().get_container_client(result["index"]["container"])
    document = json.loads(silver.download_blob(result["index"]["json"]).readall())
    assert [file["name"] for file in document["files"]] == [
        "in/broken.tif",
        "in/cog.tif",
        "in/notes.txt",
        "in/plain.tif",
    ]
    table = pq.read_table(BytesIO(silver.download_blob(result["index"]["parquet"]).readall()))
    assert table.column("width").to_pylist() == [None, 1_024, None, 3_000]


def test_a_listing_cut_short_says_so(host: LocalHost, upload: Upload) -> None:
    upload(**{f"{number}.txt": b"" for number in range(5)})
    result = completed(host.run("list_container", {"container": "bronze", "max_files": 3}))
    assert (result["files"], result["truncated"]) == (3, True)


def test_a_file_replaced_after_the_listing_fails_alone(host: LocalHost, upload: Upload) -> None:
    upload(**{"a.tif": raster_bytes(), "b.tif": raster_bytes(), "c.tif": raster_bytes()})
    job = host.run(
        "list_container",
        {"container": "bronze"},
        before_stage={2: lambda: upload(**{"b.tif": raster_bytes(10, 10)})},
    )
    assert job.status is JobStatus.COMPLETED_WITH_ERRORS
    result: Any = job.result
    assert (result["described"], result["failed"]) == (2, 1)
    assert result["failures"][0]["code"] == "BLOB_CHANGED"


def test_real_files_are_listed_in_full(host: LocalHost, upload: Upload) -> None:
    paths = [path for kind in ("raster", "broken") for path in sorted(real_file(kind).iterdir())]
    upload(**{f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths})
    parameters: JSONObject = {"container": "bronze", "metadata_level": "full", "create_index": True}
    result = completed(host.run("list_container", parameters))
    assert (result["files"], result["failed"]) == (len(paths), 0)
    assert result["rasters"]["problems"] == {
        "RASTER_EMPTY": 1,
        "RASTER_FORMAT_UNSUPPORTED": 2,
        "RASTER_TRUNCATED": 1,
    }
