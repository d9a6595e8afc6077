"""Plans as a whole, and the handler that makes them."""

from typing import Any

import pytest

from schema.contracts.process_raster import PlanRasterParameters
from schema.contracts.rasters import RasterOptions
from schema.errors import PermanentTaskError
from services.raster.tasks.plan import run
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import JOB_ID, FakeTaskContext
from tests.support.raster_headers import description, grid, plan, validated


def planning(item_id: str | None) -> PlanRasterParameters:
    return PlanRasterParameters(
        validated=validated(description(), blob="2024/LC08 B4.tif"),
        options=RasterOptions(),
        collection_id="landsat",
        item_id=item_id,
    )


def test_outputs_lie_in_a_folder_of_this_run_alone() -> None:
    made = run(planning("scene"), FakeTaskContext(FakeBlobRepository(), run=3))
    assert (made.container, made.folder) == ("silver", f"landsat/scene/{JOB_ID[:16]}-r3")
    assert made.cog_name == f"{made.folder}/scene.tif"


def test_without_an_id_the_item_is_named_after_the_blob() -> None:
    assert run(planning(None), FakeTaskContext(FakeBlobRepository())).item_id == "LC08-B4-d4fda5b1"


def test_the_same_source_and_options_give_the_same_plan() -> None:
    assert plan(description(9_000, 9_000), chunk_size=1024) == plan(
        description(9_000, 9_000), chunk_size=1024
    )


def test_a_warp_takes_longer_than_a_copy() -> None:
    copied = plan(description(9_000, 9_000))
    warped = plan(description(9_000, 9_000), grid(9_000, 9_000))
    assert warped.estimate.seconds > copied.estimate.seconds
    assert warped.estimate.memory_bytes > copied.estimate.memory_bytes


def test_chunks_need_less_disk_than_the_whole() -> None:
    made = plan(description(30_000, 30_000))
    assert made.estimate.temporary_bytes < made.estimate.pixel_bytes / 4


@pytest.mark.parametrize("options", [{"resampling": "bilinear"}, {"categorical": False}])
def test_a_color_table_is_not_averaged(options: dict[str, Any]) -> None:
    with pytest.raises(PermanentTaskError, match="nearest or mode") as refused:
        plan(description(has_color_table=True), grid(), **options)
    assert refused.value.error_code == "RASTER_PALETTE_NOT_RESAMPLED"


@pytest.mark.parametrize("resampling", ["auto", "nearest", "mode"])
def test_a_color_table_is_warped_by_what_picks(resampling: str) -> None:
    assert plan(description(has_color_table=True), grid(), resampling=resampling).warped


def test_a_color_table_that_stays_asks_for_no_method() -> None:
    assert not plan(description(has_color_table=True), resampling="cubic").warped


def test_classes_have_nearest_overviews() -> None:
    made = plan(description(has_color_table=True))
    assert (made.categorical, made.overview_resampling) == (True, "nearest")
    assert plan(description()).overview_resampling == "average"
