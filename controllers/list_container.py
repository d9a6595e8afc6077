"""``list_container``: lists a container, describes each file that matches, indexes them if asked to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from schema.contracts.containers import ContainerName, FileFilter, FileItem, Prefix
from schema.contracts.list_container import (
    ANALYZE,
    EXTRACT,
    INDEX,
    AnalyzeParameters,
    ExtractParameters,
    FileMetadata,
    IndexParameters,
    IndexResult,
    ListContainerResult,
    ListingDecision,
    MetadataLevel,
)
from schema.json_types import JSONObject, JSONValue
from schema.policies import FailureMode, FailurePolicy
from schema.results import FileReference, StageResultContract, TaskResult
from schema.states import TaskStatus
from schema.workflow import JobParameters, JobRegistration, StageDefinition, StagePlan, TaskDefinition

_SHOWN_FAILURES = 20
_SHOWN_EXTENSIONS = 100


class ListContainerParameters(JobParameters):
    container: ContainerName
    prefix: Prefix = ""
    filter: Annotated[
        FileFilter | None,
        Field(description="an extension (.tif) or a glob (scenes/*_b?.tif), case ignored; none: every file"),
    ] = None
    max_files: Annotated[
        int, Field(ge=1, le=10_000, strict=True, description="list no more matching files than this")
    ] = 2_500
    metadata_level: Annotated[
        MetadataLevel,
        Field(
            description="basic: name, size, time, etag; standard: and type, extension, category; "
            "full: and the headers of rasters"
        ),
    ] = MetadataLevel.STANDARD
    create_index: Annotated[
        bool, Field(strict=True, description="write a JSON and a Parquet index to the silver container")
    ] = False


def plan_listing(parameters: ListContainerParameters, _: StageResultContract | None) -> StagePlan:
    """One task, which lists, filters and decides."""
    listing = AnalyzeParameters(
        container=parameters.container,
        prefix=parameters.prefix,
        filter=parameters.filter,
        max_files=parameters.max_files,
    )
    return StagePlan.of([TaskDefinition("listing", listing)])


def plan_files(parameters: ListContainerParameters, previous: StageResultContract | None) -> StagePlan:
    """One task for each file that was listed; the index is its place in the listing."""
    decision = previous.orchestration if previous else None
    items = decision.items if decision else ()
    return StagePlan.of(
        [
            TaskDefinition(
                f"file_{number:05d}",
                ExtractParameters(
                    container=parameters.container,
                    file=FileItem.model_validate(item),
                    level=parameters.metadata_level,
                ),
            )
            for number, item in enumerate(items, start=1)
        ]
    )


def plan_index(parameters: ListContainerParameters, previous: StageResultContract | None) -> StagePlan:
    """One task, which reads the files' metadata from the stage before it."""
    described = previous.task_count if previous else 0
    index = IndexParameters(
        container=parameters.container,
        prefix=parameters.prefix,
        filter=parameters.filter,
        level=parameters.metadata_level,
        stage=previous.stage_number if previous else 2,
        expected=described,
    )
    return StagePlan.of([TaskDefinition("index", index)])


def summarize(parameters: ListContainerParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    """Counts and sums over the files, whether the listing was cut short, and where the index is."""
    listing = ListingDecision.model_validate(stages[1].task_results[0].result_data)
    tasks = stages[2].task_results if 2 in stages else ()  # noqa: PLR2004 -- the stage of the files
    files = [FileMetadata.model_validate(task.result_data) for task in tasks if _is_described(task)]
    result: JSONObject = {
        "container": parameters.container,
        "prefix": parameters.prefix,
        "filter": parameters.filter,
        "metadata_level": parameters.metadata_level.value,
        "files": listing.matched,
        "described": len(files),
        "listed": listing.listed,
        "truncated": listing.truncated,
        "unusable_names": listing.unusable_names,
        "total_bytes": sum(file.size for file in files),
        "by_category": _counts(file.category for file in files),
        "by_extension": _counts(file.extension for file in files),
        "rasters": _rasters(files),
        "failed": len(tasks) - len(files),
        "failures": [_failure(task) for task in tasks if not _is_described(task)][:_SHOWN_FAILURES],
        **_index(stages),
    }
    return result


def _is_described(task: TaskResult) -> bool:
    return task.status is TaskStatus.COMPLETED


def _counts(values: Iterable[str | None]) -> JSONObject:
    counted = Counter(str(value) for value in values if value is not None)
    return dict(counted.most_common(_SHOWN_EXTENSIONS))


def _rasters(files: list[FileMetadata]) -> JSONObject:
    rasters = [file.raster for file in files if file.raster is not None]
    problems = Counter(raster.problem.code for raster in rasters if raster.problem is not None)
    readable = sum(raster.readable for raster in rasters)
    cogs = sum(raster.header is not None and raster.header.is_cog for raster in rasters)
    return {
        "readable": readable,
        "unreadable": len(rasters) - readable,
        "cloud_optimized": cogs,
        "problems": dict(problems),
    }


def _failure(task: TaskResult) -> JSONValue:
    error = task.error_details
    return {
        "task_index": task.task_index,
        "status": task.status.value,
        "code": error.code if error else None,
        "message": error.message if error else None,
    }


def _index(stages: Mapping[int, StageResultContract]) -> JSONObject:
    if 3 not in stages:  # noqa: PLR2004 -- the stage of the index
        return {"index": None, "index_json": None, "index_parquet": None}
    written = IndexResult.model_validate(stages[3].task_results[0].result_data)
    return {
        "index": {
            "container": written.container,
            "json": written.json_blob,
            "parquet": written.parquet_blob,
        },
        "index_json": _file(written.container, written.json_blob, "application/json"),
        "index_parquet": _file(written.container, written.parquet_blob, "application/vnd.apache.parquet"),
    }


def _file(container: str, blob: str, media_type: str) -> JSONObject:
    return FileReference(container=container, blob=blob, media_type=media_type).model_dump(mode="json")


def stage_count(parameters: ListContainerParameters) -> int:
    return 3 if parameters.create_index else 2


REGISTRATION_INFO = JobRegistration(
    job_type="list_container",
    description="Lists the files of a container that match a filter, describes each, down to the headers of "
    "rasters, and writes an index of them if asked to.",
    parameters=ListContainerParameters,
    stages=(
        StageDefinition("listing", ANALYZE, plan_listing),
        StageDefinition(
            "files",
            EXTRACT,
            plan_files,
            failure=FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=50.0),
        ),
        StageDefinition("index", INDEX, plan_index),
    ),
    summarize=summarize,
    example={"container": "bronze", "filter": ".tif", "metadata_level": "full"},
    stage_count=stage_count,
    result=ListContainerResult,
)
