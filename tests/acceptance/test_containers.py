"""``summarize_container`` and ``list_container`` on real blobs."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from azure.storage.blob import BlobServiceClient

from tests.acceptance.hosting import Host
from tests.support.rasters import cog_bytes, raster_bytes

FILES = {
    "scenes/2024/plain.tif": raster_bytes(64, 48, bands=3, nodata=0),
    "scenes/2024/optimized.TIF": cog_bytes(),
    "scenes/broken.tif": b"II*\0" + b"no directory here",
    "tables/readings.csv": b"time,value\n1,2\n",
    "README": b"read me",
}
MANY = 300


@pytest.fixture(scope="module")
def blobs(host: Host) -> Iterator[BlobServiceClient]:
    with host.blobs() as service:
        yield service


@pytest.fixture(scope="module", autouse=True)
def containers(blobs: BlobServiceClient) -> None:
    """``bronze`` with a few files, ``many`` with hundreds, ``gold`` empty, ``silver`` to write to."""
    made = {name: blobs.create_container(name) for name in ("bronze", "silver", "gold", "many")}
    for name, content in FILES.items():
        made["bronze"].upload_blob(name, content)
    with ThreadPoolExecutor(8) as pool:
        uploads = [pool.submit(made["many"].upload_blob, f"{n:04d}.txt", b"x" * n) for n in range(MANY)]
    for upload in uploads:
        upload.result()


def files_of(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What stage 2 of a listing says of each file, by name."""
    results = status["stage_results"]["2"]["task_results"]
    return {result["result_data"]["name"]: result["result_data"] for result in results}


def listed(host: Host, **parameters: Any) -> dict[str, Any]:
    """A finished listing of its own, whatever other tests have listed."""
    return host.run("list_container", **{"container": "bronze", "dataset_id": uuid4().hex, **parameters})


def test_a_container_is_summarized(host: Host) -> None:
    status = host.run("summarize_container", container="bronze")
    assert status["status"] == "completed"
    result = status["result_data"]
    assert (result["files"], result["truncated"]) == (len(FILES), False)
    assert result["bytes"] == sum(map(len, FILES.values()))
    assert {name: tally["files"] for name, tally in result["by_extension"].items()} == {
        ".tif": 3,
        ".csv": 1,
        "(none)": 1,
    }
    assert {folder["folder"]: folder["files"] for folder in result["folders"]} == {"scenes/": 3, "tables/": 1}
    assert result["largest"][0]["name"] == "scenes/2024/optimized.TIF"


def test_a_summary_keeps_to_its_prefix(host: Host) -> None:
    status = host.run("summarize_container", container="bronze", prefix="scenes/2024/")
    assert status["result_data"]["files"] == 2


def test_a_summary_pages_through_many_blobs(host: Host) -> None:
    result = host.run("summarize_container", container="many")["result_data"]
    assert (result["files"], result["bytes"]) == (MANY, sum(range(MANY)))


def test_an_empty_container_is_summarized_with_zeros(host: Host) -> None:
    status = host.run("summarize_container", container="gold")
    assert status["status"] == "completed"
    assert (status["result_data"]["files"], status["result_data"]["bytes"]) == (0, 0)


def test_a_basic_listing_knows_what_the_store_lists(host: Host) -> None:
    status = listed(host, metadata_level="basic")
    assert status["status"] == "completed"
    assert {name: file["size"] for name, file in files_of(status).items()} == {
        name: len(content) for name, content in FILES.items()
    }
    assert {file["category"] for file in files_of(status).values()} == {None}


def test_a_standard_listing_knows_what_kind_a_file_is(host: Host) -> None:
    files = files_of(listed(host))
    assert {name: file["category"] for name, file in files.items()} == {
        "scenes/2024/plain.tif": "raster",
        "scenes/2024/optimized.TIF": "raster",
        "scenes/broken.tif": "raster",
        "tables/readings.csv": files["tables/readings.csv"]["category"],
        "README": "other",
    }
    assert {file["raster"] is None for file in files.values()} == {True}


def test_a_full_listing_knows_the_headers_of_rasters(host: Host) -> None:
    files = files_of(listed(host, metadata_level="full", filter="tif"))
    plain, optimized = files["scenes/2024/plain.tif"], files["scenes/2024/optimized.TIF"]
    header = plain["raster"]["header"]
    assert (header["width"], header["height"], header["bands"]) == (64, 48, 3)
    assert header["dtypes"] == ["uint8"]
    assert (header["crs"], header["nodata"]) == ("EPSG:32633", 0)
    assert header["bounds"] == [500_000, 4_999_520, 500_640, 5_000_000]
    assert optimized["raster"]["header"]["is_cog"] is True


def test_a_raster_that_cannot_be_read_is_a_finding(host: Host) -> None:
    status = listed(host, metadata_level="full", filter="*broken*")
    assert status["status"] == "completed"
    assert files_of(status)["scenes/broken.tif"]["raster"]["readable"] is False
    assert status["result_data"]["rasters"]["unreadable"] == 1


def test_a_listing_has_a_task_for_each_file_that_matches(host: Host) -> None:
    status = listed(host, filter=".TIF")
    assert [stage["expected"] for stage in status["stages"]] == [1, 3]
    assert (status["result_data"]["files"], status["result_data"]["listed"]) == (3, len(FILES))


def test_an_index_is_written_as_json_and_parquet(host: Host, blobs: BlobServiceClient) -> None:
    status = listed(host, metadata_level="full", create_index=True)
    assert [stage["name"] for stage in status["stages"]] == ["listing", "files", "index"]
    index = status["result_data"]["index"]
    stored = blobs.get_container_client(index["container"])
    document = json.loads(stored.download_blob(index["json"]).readall())
    table = pq.read_table(io.BytesIO(stored.download_blob(index["parquet"]).readall()))
    assert index["container"] == "silver"
    assert {file["name"] for file in document["files"]} == set(FILES)
    assert set(table.column("name").to_pylist()) == set(FILES)


def test_300_files_fan_out_to_300_tasks(host: Host) -> None:
    status = listed(host, container="many")
    assert status["status"] == "completed"
    assert status["stages"][1]["completed"] == MANY
    assert status["result_data"]["described"] == MANY
    tasks = host.tasks(status["job_id"])
    assert {(task["status"], task["attempt"]) for task in tasks} == {("completed", 1)}


def test_a_listing_is_cut_at_max_files(host: Host) -> None:
    result = listed(host, container="many", max_files=7)["result_data"]
    assert (result["files"], result["truncated"]) == (7, True)


@pytest.mark.parametrize(
    "parameters",
    [{"container": "gold"}, {"container": "bronze", "filter": ".nothing"}, {"prefix": "no/such/folder/"}],
    ids=["empty container", "filter", "prefix"],
)
def test_a_listing_without_a_match_completes_with_zero_files(host: Host, parameters: dict[str, str]) -> None:
    status = listed(host, create_index=True, **parameters)
    assert status["status"] == "completed"
    assert status["result_data"]["files"] == 0
    assert [stage["stage"] for stage in status["stages"]] == [1]


@pytest.mark.parametrize("job_type", ["summarize_container", "list_container"])
@pytest.mark.parametrize(
    ("container", "code"), [("absent", "CONTAINER_NOT_FOUND"), ("private", "CONTAINER_NOT_ALLOWED")]
)
def test_a_container_out_of_reach_fails_the_job(host: Host, job_type: str, container: str, code: str) -> None:
    status = host.run(job_type, container=container)
    assert status["status"] == "failed"
    assert (status["error"]["code"], status["error"]["stage"]) == (code, 1)
    assert container in status["error"]["message"]
