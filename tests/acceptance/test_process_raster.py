"""``process_raster`` on small rasters made here: one pass, chunks, profiles, refusals, trials."""

import json
from typing import Any

import httpx
import numpy as np
import pytest
from rasterio.io import MemoryFile

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host
from tests.acceptance.rasters import COLLECTION, MOMENT, cog, content, folder_of, names_under, process
from tests.support.rasters import raster_bytes

NODATA = -9999
PICTURE = raster_bytes(300, 200, bands=3)
TILED = {"tiled": True, "blockxsize": 256, "blockysize": 256}
LARGE = raster_bytes(1_300, 1_100, dtype="int16", nodata=NODATA, **TILED)
FILES = {
    "scenes/small.tif": raster_bytes(300, 200, dtype="int16", nodata=NODATA),
    "scenes/picture.tif": PICTURE,
    "scenes/large.tif": LARGE,
    "scenes/broken.tif": b"II*\0",
}


@pytest.fixture(scope="module")
def raster_host(module_hosts: HostFactory) -> Host:
    host = module_hosts(READ_CONTAINERS="bronze,silver")
    with host.blobs() as service:
        for name in ("bronze", "silver"):
            service.create_container(name)
        for name, data in FILES.items():
            service.get_blob_client("bronze", name).upload_blob(data)
    return host


@pytest.fixture(scope="module")
def small(raster_host: Host) -> dict[str, Any]:
    return process(raster_host, "scenes/small.tif")


@pytest.fixture(scope="module")
def chunked(raster_host: Host) -> dict[str, Any]:
    return process(raster_host, "scenes/large.tif", chunk_size=512)


def pixels(data: bytes) -> Any:
    with MemoryFile(data) as memory, memory.open() as dataset:
        return dataset.read()


def test_a_small_raster_becomes_a_cog_in_one_pass(raster_host: Host, small: dict[str, Any]) -> None:
    assert small["status"] == "completed"
    assert [stage["expected"] for stage in small["stages"]] == [1, 1, 1, 0, 1, 1]
    assert small["result_data"]["chunks"] == 0
    with cog(raster_host, small["result_data"]) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (dataset.crs.to_epsg(), dataset.nodata, dataset.dtypes) == (32633, NODATA, ("int16",))
        assert np.array_equal(dataset.read(), pixels(FILES["scenes/small.tif"]))


def test_a_large_raster_becomes_a_cog_of_chunks(raster_host: Host, chunked: dict[str, Any]) -> None:
    assert chunked["status"] == "completed"
    assert [stage["expected"] for stage in chunked["stages"]] == [1, 1, 9, 1, 1, 1]
    with cog(raster_host, chunked["result_data"]) as dataset:
        assert dataset.overviews(1) == [2, 4]
        assert dataset.block_shapes == [(512, 512)]
        assert np.array_equal(dataset.read(), pixels(LARGE))


@pytest.mark.parametrize("name", ["small", "chunked"])
def test_what_was_made_lies_in_one_folder_and_no_parts_of_it(
    raster_host: Host, name: str, request: pytest.FixtureRequest
) -> None:
    result = request.getfixturevalue(name)["result_data"]
    assert names_under(raster_host, folder_of(result)) == {
        f"{result['item_id']}.tif",
        "overview.png",
        "thumbnail.png",
        "item.json",
    }


def test_the_item_says_what_the_cog_is(raster_host: Host, small: dict[str, Any]) -> None:
    result = small["result_data"]
    item = json.loads(content(raster_host, result["item"]))
    assert result["item_id"].startswith("small-")
    assert (item["stac_version"], item["id"], item["collection"]) == ("1.1.0", result["item_id"], COLLECTION)
    assert item["properties"]["datetime"].startswith("2024-05-01T10:00:00")
    assert item["assets"].keys() == {"data", "overview", "thumbnail"}
    assert item["assets"]["data"]["file:size"] == result["size"]
    assert small["job_id"] in json.dumps(item["properties"])
    assert "sig=" not in json.dumps(item)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", ["overview", "thumbnail"])
def test_there_are_pictures_to_look_at(raster_host: Host, small: dict[str, Any], name: str) -> None:
    with MemoryFile(content(raster_host, small["result_data"][name])) as memory, memory.open() as picture:
        assert picture.driver == "PNG"
        assert picture.read().any()


@pytest.mark.parametrize("parameters", [{}, {"chunk_size": 512}], ids=["in one pass", "by chunks"])
def test_a_raster_is_resampled_to_the_crs_that_was_asked_for(
    raster_host: Host, parameters: dict[str, Any]
) -> None:
    job = process(
        raster_host, "scenes/large.tif", target_crs="EPSG:3857", item_id="large.warped", **parameters
    )
    assert job["status"] == "completed", job["error"]
    with cog(raster_host, job["result_data"]) as dataset:
        assert dataset.crs.to_epsg() == 3857
        valid = dataset.read(masked=True)
        assert 0 <= valid.min() <= valid.max() < 100


def test_the_web_profile_is_jpeg_in_web_mercator(raster_host: Host) -> None:
    job = process(raster_host, "scenes/picture.tif", profile="web")
    assert job["status"] == "completed", job["error"]
    with cog(raster_host, job["result_data"]) as dataset:
        assert (dataset.crs.to_epsg(), dataset.compression.name) == (3857, "jpeg")


def test_a_profile_that_does_not_suit_is_refused(raster_host: Host) -> None:
    job = process(raster_host, "scenes/small.tif", profile="visual")
    assert (job["status"], job["error"]["code"]) == ("failed", "RASTER_PROFILE_UNSUITABLE")


def test_without_a_moment_anywhere_it_is_refused(raster_host: Host) -> None:
    job = process(raster_host, "scenes/small.tif", datetime=None)
    assert (job["status"], job["error"]["code"]) == ("failed", "RASTER_DATETIME_MISSING")


def test_a_blob_that_is_not_there_fails_the_job(raster_host: Host) -> None:
    job = process(raster_host, "scenes/absent.tif")
    assert (job["status"], job["error"]["code"]) == ("failed", "BLOB_NOT_FOUND")


def test_the_same_request_is_the_same_job(raster_host: Host, small: dict[str, Any]) -> None:
    given = {"container": "bronze", "blob": "scenes/small.tif", "collection_id": COLLECTION}
    answer = raster_host.http.post(
        "jobs/submit/process_raster",
        json={**given, "datetime": "2024-05-01T12:00:00+02:00", "register": True},
    )
    assert answer.status_code == 200
    assert (answer.json()["job_id"], answer.json()["created"]) == (small["job_id"], False)


def test_a_run_anew_makes_new_files(raster_host: Host) -> None:
    first = process(raster_host, "scenes/picture.tif", item_id="twice")
    assert raster_host.http.post(f"jobs/{first['job_id']}/rerun").status_code == 202
    second = raster_host.wait(first["job_id"])
    assert second["status"] == "completed"
    assert folder_of(second["result_data"]) != folder_of(first["result_data"])
    assert second["result_data"]["sha256"] == first["result_data"]["sha256"]


def dry_run(host: Host, blob: str, **parameters: Any) -> httpx.Response:
    given = {"container": "bronze", "blob": blob, "collection_id": COLLECTION, "datetime": MOMENT}
    return host.http.post("jobs/submit/process_raster?dry_run=true", json={**given, **parameters})


def test_a_dry_run_shows_the_plan(raster_host: Host) -> None:
    answer = dry_run(raster_host, "scenes/large.tif", chunk_size=512, item_id="dry")
    assert answer.status_code == 200, answer.text
    shown = json.dumps(answer.json())
    for fact in ("chunking", "pixel_bytes", "memory_bytes", "seconds"):
        assert fact in shown
    assert raster_host.rows("select 1 from app.jobs where parameters ->> 'item_id' = 'dry'") == []


def test_a_dry_run_shows_why_it_would_fail(raster_host: Host) -> None:
    assert "RASTER_" in dry_run(raster_host, "scenes/broken.tif", item_id="dry").text
