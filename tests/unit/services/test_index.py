"""The index of a listing."""

import json
from datetime import UTC, datetime
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from schema.contracts.list_container import (
    FileCategory,
    FileMetadata,
    IndexParameters,
    IndexResult,
    MetadataLevel,
    RasterHeader,
    RasterInfo,
    RasterProblem,
)
from schema.errors import PermanentTaskError
from services.containers import index
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import JOB_ID, FakeTaskContext

WHEN = datetime(2024, 5, 1, 12, tzinfo=UTC)
PARAMETERS = IndexParameters(
    container="bronze", prefix="", filter=".tif", level=MetadataLevel.FULL, stage=2, expected=4
)


def metadata(name: str, raster: RasterInfo | None = None) -> FileMetadata:
    return FileMetadata(
        name=name,
        size=10,
        last_modified=WHEN,
        etag='"0x1"',
        category=FileCategory.RASTER,
        raster=raster,
    )


HEADER = RasterHeader(
    driver="GTiff",
    width=2,
    height=3,
    bands=1,
    dtypes=("uint8",),
    crs="EPSG:4326",
    bounds=(0, 1, 2, 3),
    nodata="nan",
    is_cog=True,
)
FILES = [
    metadata("plain.tif"),
    metadata("good.tif", RasterInfo(readable=True, header=HEADER)),
    metadata(
        "bad.tif", RasterInfo(readable=False, problem=RasterProblem(code="RASTER_EMPTY", message="empty"))
    ),
]


@pytest.fixture
def context() -> FakeTaskContext:
    rows = {f"file_{number:05d}": file.model_dump(mode="json") for number, file in enumerate(FILES, 1)}
    blobs = FakeBlobRepository(containers={"silver": {}})
    return FakeTaskContext(blobs, stages={2: rows}, stage=3)


def content(context: FakeTaskContext, blob: str) -> bytes:
    return context.blobs.read_range("silver", blob, 0, 1_000_000)


def test_the_names_follow_from_container_job_and_run(context: FakeTaskContext) -> None:
    assert index.run(PARAMETERS, context) == IndexResult(
        container="silver",
        json_blob=f"indexes/bronze/{JOB_ID}-r1.json",
        parquet_blob=f"indexes/bronze/{JOB_ID}-r1.parquet",
        processed_items=3,
    )


def test_the_json_index_holds_every_file(context: FakeTaskContext) -> None:
    document = json.loads(content(context, index.run(PARAMETERS, context).json_blob))
    assert [FileMetadata.model_validate(file) for file in document["files"]] == FILES
    assert (document["file_count"], document["expected_files"]) == (3, 4)


def test_the_parquet_index_holds_the_same_rows(context: FakeTaskContext) -> None:
    table = pq.read_table(BytesIO(content(context, index.run(PARAMETERS, context).parquet_blob)))
    plain, good, bad = table.to_pylist()
    assert [row["name"] for row in (plain, good, bad)] == ["plain.tif", "good.tif", "bad.tif"]
    assert (plain["last_modified"], plain["readable"]) == (WHEN, None)
    assert (good["width"], good["bounds"], good["is_cog"]) == (2, [0.0, 1.0, 2.0, 3.0], True)
    assert good["nodata"] != good["nodata"]
    assert (bad["readable"], bad["problem_code"]) == (False, "RASTER_EMPTY")


def test_another_attempt_writes_the_same(context: FakeTaskContext) -> None:
    first = index.run(PARAMETERS, context)
    before = [content(context, blob) for blob in (first.json_blob, first.parquet_blob)]
    second = index.run(PARAMETERS, context)
    assert first == second
    assert [content(context, blob) for blob in (first.json_blob, first.parquet_blob)] == before


def test_no_files_make_an_empty_index(context: FakeTaskContext) -> None:
    context.stages = {2: {}}
    written = index.run(PARAMETERS, context)
    assert pq.read_table(BytesIO(content(context, written.parquet_blob))).num_rows == 0


def test_without_the_output_container_the_task_fails() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        index.run(PARAMETERS, FakeTaskContext(FakeBlobRepository(), stages={2: {}}))
    assert caught.value.error_code == "CONTAINER_NOT_FOUND"
