"""Broken, disguised and hostile files: each fails its job with a code that says why, and harms nobody."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host
from tests.acceptance.rasters import JOB_SECONDS, MOMENT, Listener, all_tasks, upload
from tests.support.rasters import real_file

pytestmark = pytest.mark.timeout(600)

CODES = {
    "all_nodata.tif": "RASTER_ALL_NODATA",
    "csv_malformed.csv": "RASTER_FORMAT_UNKNOWN",
    "empty.geojson": "RASTER_EMPTY",
    "empty.tif": "RASTER_EMPTY",
    "empty_zipfile.zip": "RASTER_IS_ARCHIVE",
    "geojson_truncated.geojson": "RASTER_IS_VECTOR",
    "geojson_unclosed_rings_nan.geojson": "RASTER_IS_VECTOR",
    "giant_block_30000.tif": "RASTER_BLOCK_TOO_LARGE",
    "html_error_page.tif": "RASTER_IS_XML",
    "lat_out_of_range.tif": "RASTER_BOUNDS_INVALID",
    "no_crs_no_transform.tif": "RASTER_NOT_GEOREFERENCED",
    "ogrvrt_ssrf_disguised.geojson": "RASTER_IS_VRT",
    "really_a_png.tif": "RASTER_FORMAT_MISMATCH",
    "sparse_bomb_1280GB.tif": "RASTER_TOO_LARGE",
    "truncated_half.tif": "RASTER_TRUNCATED",
    "vrt_ssrf_disguised.tif": "RASTER_IS_VRT",
    "zip_bomb_512MB.zip": "RASTER_IS_ARCHIVE",
    "zip_path_traversal_shp.zip": "RASTER_IS_ARCHIVE",
}
_SSRF_PORT = 18_999
"""Where two of the files would have whoever opens them send requests."""


@pytest.fixture(scope="module")
def broken_host(module_hosts: HostFactory) -> Host:
    real_file("broken")
    return module_hosts(READ_CONTAINERS="bronze,silver")


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener(_SSRF_PORT)
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def jobs(broken_host: Host, listener: Listener) -> dict[str, dict[str, Any]]:
    """The final status of each file's job; they run side by side."""
    with broken_host.blobs() as service:
        for name in ("bronze", "silver"):
            service.create_container(name)
        names = upload(service, "bronze", real_file("broken"))
    given = {"container": "bronze", "collection_id": "broken", "datetime": MOMENT}
    ids = {name: broken_host.submit("process_raster", **given, blob=name) for name in names}
    return {name: broken_host.wait(job_id, JOB_SECONDS) for name, job_id in ids.items()}


def test_every_broken_file_has_its_code() -> None:
    assert {path.name for path in real_file("broken").iterdir()} == set(CODES)


@pytest.mark.parametrize("name", CODES)
def test_a_broken_file_fails_its_job_with_its_own_code(jobs: dict[str, Any], name: str) -> None:
    job = jobs[name]
    assert (job["status"], job["error"]["code"]) == ("failed", CODES[name])
    assert job["error"]["message"]


def test_none_is_tried_twice(broken_host: Host, jobs: dict[str, Any]) -> None:
    tasks = [task for job in jobs.values() for task in all_tasks(broken_host, job["job_id"])]
    assert {task["attempt"] for task in tasks} == {1}


def test_none_leaves_anything_behind(broken_host: Host, jobs: dict[str, Any]) -> None:
    with broken_host.blobs() as service:
        assert [blob.name for blob in service.get_container_client("silver").list_blobs()] == []


@pytest.mark.usefixtures("jobs")
def test_no_file_makes_anybody_send_a_request(listener: Listener) -> None:
    assert listener.connections == 0


@pytest.mark.usefixtures("jobs")
def test_the_worker_goes_on(broken_host: Host) -> None:
    assert broken_host.run("hello_world", n=2)["status"] == "completed"
