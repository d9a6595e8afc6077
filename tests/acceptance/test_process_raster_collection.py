"""``process_raster_collection``: good and bad files made here, and all real ones."""

import json
from typing import Any

import pytest
from rasterio.io import MemoryFile

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host
from tests.acceptance.rasters import MOMENT, all_tasks, content, opened, upload
from tests.support.rasters import raster_bytes, real_file

pytestmark = pytest.mark.timeout(600)

GOOD = {
    "mixed/1/b04.tif": raster_bytes(300, 200),
    "mixed/2/b04.tif": raster_bytes(200, 300, dtype="float32"),
    "mixed/large.tif": raster_bytes(1_300, 900, dtype="uint16", tiled=True, blockxsize=256, blockysize=256),
}
BAD = {"mixed/empty.tif": b"", "mixed/page.tif": b"<!doctype html><html></html>"}
REFUSED = {
    "cint16_complex_gcps.tif": "RASTER_COMPLEX",
    "cog_hirise_mars.tif": "RASTER_CRS_NOT_EARTH",
    "dc_no_crs.tif": "RASTER_CRS_MISSING",
    "inverted_lat.tif": "RASTER_ALL_NODATA",
    "rotated_small.tif": "RASTER_CRS_MISSING",
}
"""The real files of which no COG is made without being told more."""
LARGE = "worldcover_2021_N00E006.tif"
_REAL_SECONDS = 600.0


@pytest.fixture(scope="module")
def raster_host(module_hosts: HostFactory) -> Host:
    host = module_hosts(READ_CONTAINERS="bronze,silver")
    with host.blobs() as service:
        for name in ("bronze", "silver"):
            service.create_container(name)
        for name, data in {**GOOD, **BAD}.items():
            service.get_blob_client("bronze", name).upload_blob(data)
    return host


def collected(host: Host, seconds: float = 300.0, **parameters: Any) -> dict[str, Any]:
    given = {"container": "bronze", "collection_id": "trial", "datetime": MOMENT, **parameters}
    return host.run("process_raster_collection", seconds, **given)


@pytest.fixture(scope="module")
def mixed(raster_host: Host) -> dict[str, Any]:
    return collected(raster_host, prefix="mixed/", chunk_size=512)


def test_good_rasters_get_through_and_bad_ones_are_told_of(mixed: dict[str, Any]) -> None:
    result = mixed["result_data"]
    assert mixed["status"] == "completed_with_errors"
    assert (result["rasters"], result["items"], result["failed"]) == (5, 3, 2)
    assert [(failure["blob"], failure["stage"], failure["code"]) for failure in result["failures"]] == [
        ("mixed/empty.tif", 2, "RASTER_EMPTY"),
        ("mixed/page.tif", 2, "RASTER_IS_HTML"),
    ]


def test_pixels_are_made_in_one_pass_and_in_chunks_side_by_side(mixed: dict[str, Any]) -> None:
    assert [stage["expected"] for stage in mixed["stages"]] == [1, 5, 3, 8, 1, 3, 3, 1]


def test_the_batch_holds_each_item_once(raster_host: Host, mixed: dict[str, Any]) -> None:
    lines = content(raster_host, mixed["result_data"]["batch"]).decode().splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    assert len(ids) == len(set(ids)) == 3
    assert [item_id.rpartition("-")[0] for item_id in sorted(ids)] == ["b04", "b04", "large"]


def test_where_all_fail_the_job_fails_with_the_first_reason(raster_host: Host) -> None:
    job = collected(raster_host, prefix="mixed/empty")
    assert (job["status"], job["error"]["code"]) == ("failed", "RASTER_EMPTY")


def test_no_match_completes_with_zero_items(raster_host: Host) -> None:
    job = collected(raster_host, prefix="nothing/")
    assert (job["status"], job["result_data"]["items"]) == ("completed", 0)


@pytest.fixture(scope="module")
def real(raster_host: Host) -> dict[str, dict[str, Any]]:
    """For each real file its failed task, or what became of it."""
    folder = real_file("raster")
    with raster_host.blobs() as service:
        names = upload(service, "bronze", folder, "real/")
        service.get_container_client("bronze").delete_blob(f"real/{LARGE}")
    names.remove(LARGE)
    job = collected(raster_host, _REAL_SECONDS, prefix="real/", filter="*")
    assert job["status"] == "completed_with_errors", job["error"]
    found: dict[str, dict[str, Any]] = {}
    for task in all_tasks(raster_host, job["job_id"]):
        key = task["task_index"].partition("-")[0]
        if key.startswith("r") and (task["status"] == "failed" or task["stage"] == 7):
            found[names[int(key[1:]) - 1]] = task
    assert set(found) == set(names)
    return found


def test_every_real_raster_is_valid_or_refused_with_a_code(real: dict[str, dict[str, Any]]) -> None:
    codes = {name: task["error"]["code"] for name, task in real.items() if task["status"] == "failed"}
    assert codes == REFUSED


@pytest.mark.parametrize(
    "name",
    ["aster_swir.tif", "cog_int16.tif", "naip_m_4112001_sw_10.tif", "s2_B01_R60m.jp2", "titiler_dem.tif"],
)
def test_a_real_rasters_cog_is_what_the_raster_is(
    raster_host: Host, real: dict[str, dict[str, Any]], name: str
) -> None:
    data = content(raster_host, real[name]["result"]["cog"])
    driver = "JP2OpenJPEG" if name.endswith(".jp2") else "GTiff"
    with (
        opened(real_file(f"raster/{name}"), driver) as source,
        MemoryFile(data) as memory,
        memory.open() as made,
    ):
        assert (made.crs, made.transform, made.shape) == (source.crs, source.transform, source.shape)
        assert (made.dtypes, made.nodata) == (source.dtypes, source.nodata)
        assert (made.read() == source.read()).all()


def test_a_real_palette_is_kept(raster_host: Host, real: dict[str, dict[str, Any]]) -> None:
    data = content(raster_host, real["cog_cmap.tif"]["result"]["cog"])
    with (
        opened(real_file("raster/cog_cmap.tif")) as source,
        MemoryFile(data) as memory,
        memory.open() as made,
    ):
        assert made.colormap(1) == source.colormap(1)


def test_a_real_raster_of_36000_x_36000_pixels_is_made_in_chunks(raster_host: Host) -> None:
    data = real_file(f"raster/{LARGE}").read_bytes()
    with raster_host.blobs() as service:
        service.get_blob_client("bronze", f"large/{LARGE}").upload_blob(data)
    given = {"container": "bronze", "collection_id": "trial", "datetime": MOMENT}
    job = raster_host.run("process_raster", 590, **given, blob=f"large/{LARGE}")
    assert (job["status"], job["result_data"]["chunks"]) == ("completed", 81)
