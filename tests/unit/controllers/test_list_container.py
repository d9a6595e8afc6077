"""``list_container`` as its controller declares it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from controllers.list_container import (
    REGISTRATION_INFO,
    ListContainerParameters,
    plan_files,
    plan_index,
    plan_listing,
    summarize,
)
from schema.contracts.containers import FileItem
from schema.contracts.list_container import (
    AnalyzeParameters,
    ExtractParameters,
    FileCategory,
    FileMetadata,
    IndexParameters,
    IndexResult,
    ListingDecision,
    MetadataLevel,
    RasterHeader,
    RasterInfo,
    RasterProblem,
)
from schema.policies import FailureMode
from schema.results import (
    ErrorDetail,
    OrchestrationAction,
    OrchestrationData,
    StageResultContract,
    TaskResult,
)
from schema.states import StageStatus, TaskStatus

WHEN = datetime(2024, 5, 1, tzinfo=UTC)
PARAMETERS = ListContainerParameters(container="bronze", filter=".tif", create_index=True)


def item(number: int) -> FileItem:
    return FileItem(name=f"{number}.tif", size=10, etag=f'"{number}"', last_modified=WHEN)


def decision(*items: FileItem) -> OrchestrationData:
    return OrchestrationData(
        action=OrchestrationAction.CREATE_TASKS if items else OrchestrationAction.COMPLETE_JOB,
        items=tuple(one.model_dump(mode="json") for one in items),
        item_count=len(items),
    )


def stage(
    number: int, *results: BaseModel | ErrorDetail, orchestration: OrchestrationData | None = None
) -> StageResultContract:
    """A finished stage whose tasks left these results or errors."""
    tasks = tuple(
        TaskResult(
            task_id=f"task-{number}-{index}",
            task_index=str(index),
            job_id="ab" * 32,
            stage_number=number,
            task_type="any",
            status=TaskStatus.FAILED if isinstance(result, ErrorDetail) else TaskStatus.COMPLETED,
            result_data=None if isinstance(result, ErrorDetail) else result.model_dump(mode="json"),
            error_details=result if isinstance(result, ErrorDetail) else None,
        )
        for index, result in enumerate(results)
    )
    failed = sum(task.status is TaskStatus.FAILED for task in tasks)
    return StageResultContract(
        stage_number=number,
        stage_key=str(number),
        status=StageStatus.COMPLETED_WITH_ERRORS if failed else StageStatus.COMPLETED,
        task_count=len(tasks),
        successful_tasks=len(tasks) - failed,
        failed_tasks=failed,
        success_rate=100.0,
        task_results=tasks,
        completed_at=WHEN,
        orchestration=orchestration,
    )


def listing(*items: FileItem, truncated: bool = False) -> StageResultContract:
    made = ListingDecision(
        orchestration=decision(*items),
        container="bronze",
        listed=7,
        matched=len(items),
        truncated=truncated,
        unusable_names=0,
        processed_items=7,
    )
    return stage(1, made, orchestration=made.orchestration)


def described(name: str, category: FileCategory, raster: RasterInfo | None = None) -> FileMetadata:
    return FileMetadata(
        name=name,
        size=10,
        last_modified=WHEN,
        etag='"0x1"',
        extension=f".{name.rpartition('.')[2]}",
        category=category,
        raster=raster,
    )


def test_the_listing_gets_filter_prefix_and_limit() -> None:
    (task,) = plan_listing(PARAMETERS, None).tasks
    assert task.parameters == AnalyzeParameters(container="bronze", filter=".tif", max_files=2_500)


def test_each_listed_file_gets_a_task() -> None:
    plan = plan_files(PARAMETERS, listing(item(1), item(2)))
    assert [task.index for task in plan.tasks] == ["file_00001", "file_00002"]
    assert [task.parameters for task in plan.tasks] == [
        ExtractParameters(container="bronze", file=item(number), level=MetadataLevel.STANDARD)
        for number in (1, 2)
    ]


def test_the_index_reads_the_stage_before_it() -> None:
    files = stage(2, described("a.tif", FileCategory.RASTER), ErrorDetail(code="X", message="x"))
    (task,) = plan_index(PARAMETERS, files).tasks
    assert isinstance(task.parameters, IndexParameters)
    assert (task.parameters.stage, task.parameters.expected) == (2, 2)


def test_failures_of_single_files_are_tolerated() -> None:
    policy = REGISTRATION_INFO.stage(2).failure
    assert (policy.mode, policy.min_success_rate) == (FailureMode.TOLERATE, 50.0)


@pytest.mark.parametrize(("create_index", "stages"), [(False, 2), (True, 3)])
def test_the_index_is_a_stage_only_where_it_is_wanted(create_index: bool, stages: int) -> None:
    parameters = ListContainerParameters(container="bronze", create_index=create_index)
    assert REGISTRATION_INFO.total_stages(parameters) == stages


def test_the_result_of_no_match_counts_zero_files() -> None:
    result = summarize(PARAMETERS, {1: listing()})
    assert (result["files"], result["described"], result["total_bytes"]) == (0, 0, 0)
    assert (result["by_category"], result["index"], result["listed"]) == ({}, None, 7)


def test_the_result_counts_files_rasters_and_failures() -> None:
    header = RasterHeader(
        driver="GTiff",
        width=1,
        height=1,
        bands=1,
        dtypes=("uint8",),
        crs=None,
        bounds=None,
        nodata=None,
        is_cog=True,
    )
    broken = RasterInfo(readable=False, problem=RasterProblem(code="RASTER_EMPTY", message="empty"))
    files = stage(
        2,
        described("a.tif", FileCategory.RASTER, RasterInfo(readable=True, header=header)),
        described("b.tif", FileCategory.RASTER, broken),
        described("c.gpkg", FileCategory.VECTOR),
        ErrorDetail(code="BLOB_CHANGED", message="replaced"),
    )
    result = summarize(PARAMETERS, {1: listing(*map(item, range(4)), truncated=True), 2: files})
    assert (result["files"], result["described"], result["failed"], result["truncated"]) == (4, 3, 1, True)
    assert result["total_bytes"] == 30
    assert result["by_category"] == {"raster": 2, "vector": 1}
    assert result["by_extension"] == {".tif": 2, ".gpkg": 1}
    assert result["rasters"] == {
        "readable": 1,
        "unreadable": 1,
        "cloud_optimized": 1,
        "problems": {"RASTER_EMPTY": 1},
    }
    assert result["failures"] == [
        {"task_index": "3", "status": "failed", "code": "BLOB_CHANGED", "message": "replaced"}
    ]


def test_the_result_names_the_index() -> None:
    written = IndexResult(container="silver", json_blob="a.json", parquet_blob="a.parquet", processed_items=0)
    result = summarize(PARAMETERS, {1: listing(item(1)), 2: stage(2), 3: stage(3, written)})
    assert result["index"] == {"container": "silver", "json": "a.json", "parquet": "a.parquet"}


@pytest.mark.parametrize("written", ["tif", ".tif", "TIF", ".Tif"])
def test_one_extension_however_written_is_one_filter(written: str) -> None:
    assert ListContainerParameters(container="bronze", filter=written).filter == ".tif"


@pytest.mark.parametrize("wanted", [None, "*.tif", "in/scene_?[0-9].tif", ".tar.gz"])
def test_globs_and_double_extensions_are_kept(wanted: str | None) -> None:
    assert ListContainerParameters(container="bronze", filter=wanted).filter == wanted


@pytest.mark.parametrize(
    "changed",
    [
        {"container": "No"},
        {"filter": ""},
        {"filter": "x" * 201},
        {"filter": "x" * 200},
        {"filter": "\u0130"},
        {"filter": "in/a.tif"},
        {"filter": "a b"},
        {"filter": "*\0"},
        {"max_files": 0},
        {"max_files": 10_001},
        {"metadata_level": "everything"},
        {"create_index": "yes"},
        {"prefix": None},
        {"url": "http://example"},
    ],
)
def test_parameters_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ListContainerParameters.model_validate({"container": "bronze", **changed})


def test_every_parameter_of_its_own_is_described() -> None:
    properties = REGISTRATION_INFO.parameters.model_json_schema()["properties"]
    own = set(ListContainerParameters.model_fields) - {"dataset_id", "resource_id", "version_id"}
    assert all(properties[name].get("description") for name in own)
