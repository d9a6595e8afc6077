"""``process_raster_collection``: every raster that matches goes through the pipeline, and their items end in
one batch. A raster that fails is left behind and told of."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field

from controllers.process_raster import Stages, assembly_task, pixel_tasks
from schema.contracts.containers import ContainerName, FileFilter, FileItem, Prefix
from schema.contracts.list_container import ANALYZE, AnalyzeParameters, ListingDecision
from schema.contracts.process_raster import (
    ASSEMBLE_COG,
    CREATE_COG,
    CREATE_COG_CHUNK,
    CREATE_STAC_BATCH,
    CREATE_STAC_ITEM,
    PLAN_RASTER,
    VALIDATE_COG,
    VALIDATE_RASTER,
    CreateBatchParameters,
    CreatedBatch,
    CreatedCog,
    CreateItemParameters,
    PlanRasterParameters,
    ProcessRasterCollectionResult,
    RasterFailure,
    ValidateCogParameters,
    ValidatedCog,
    ValidateRasterParameters,
)
from schema.contracts.rasters import RasterPlan, ValidatedRaster
from schema.json_types import JSONObject
from schema.policies import FailureMode, FailurePolicy
from schema.raster_ids import item_ids_of
from schema.raster_parameters import RasterJobParameters
from schema.results import Contract, StageResultContract, TaskResult
from schema.states import TaskStatus
from schema.workflow import AllStages, JobRegistration, StageDefinition, StagePlan, TaskDefinition

LISTING, VALIDATION, PLANNING, PIXELS, ASSEMBLY, CHECKING, ITEMS, BATCH = range(1, 9)
_OF_RASTERS = (VALIDATION, PLANNING, PIXELS, ASSEMBLY, CHECKING, ITEMS)
_MOST_PIXEL_TASKS = 50_000
_SHOWN_FAILURES = 20

# One raster in all that there may be is enough to go on. Of assemblies there may be few beside many COGs
# made in one pass: the stage after them looks whether anything is left.
_SOME = FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=0.001)
_ANY = FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=0.0)

M = TypeVar("M", bound=BaseModel)
_Plan = Callable[["ProcessRasterCollectionParameters", Stages], StagePlan]


class ProcessRasterCollectionParameters(RasterJobParameters):
    container: ContainerName
    prefix: Prefix = ""
    filter: Annotated[
        FileFilter,
        Field(description="an extension (.tif) or a glob (scenes/*_b?.tif), case ignored"),
    ] = ".tif"
    max_files: Annotated[
        int, Field(ge=1, le=2_000, strict=True, description="process no more matching files than this")
    ] = 1_000


def _from_all_results_of(*numbers: int) -> Callable[[_Plan], _Plan]:
    """Fails the job where a result of these stages was left out as too many: its raster would be lost."""

    def decorate(plan: _Plan) -> _Plan:
        @wraps(plan)
        def checked(parameters: ProcessRasterCollectionParameters, stages: Stages) -> StagePlan:
            left_out = sum(_is_left_out(task) for number in numbers for task in stages[number].task_results)
            if not left_out:
                return plan(parameters, stages)
            return StagePlan.fail_job(
                f"of the rasters' results {left_out} do not fit into the 32 MB that a stage's result holds: "
                "process fewer files in a job (prefix, filter, max_files)"
            )

        return checked

    return decorate


def plan_listing(parameters: ProcessRasterCollectionParameters, _: StageResultContract | None) -> StagePlan:
    """One task, which lists and filters; no match is the job's end."""
    listing = AnalyzeParameters(
        container=parameters.container,
        prefix=parameters.prefix,
        filter=parameters.filter,
        max_files=parameters.max_files,
    )
    return StagePlan.of([TaskDefinition("listing", listing)])


def plan_validation(parameters: ProcessRasterCollectionParameters, stages: Stages) -> StagePlan:
    """One task for each raster, of the version that was listed."""
    options = parameters.options()
    return StagePlan.of(
        [
            TaskDefinition(
                key,
                ValidateRasterParameters(
                    container=parameters.container, blob=file.name, etag=file.etag, options=options
                ),
            )
            for key, file in _listed(stages).items()
        ]
    )


@_from_all_results_of(VALIDATION)
def plan_planning(parameters: ProcessRasterCollectionParameters, stages: Stages) -> StagePlan:
    """One task for each valid raster. Its id does not depend on which of the others are valid."""
    files = _listed(stages)
    item_ids = item_ids_of([file.name for file in files.values()])
    options = parameters.options()

    def planning(key: str, validated: ValidatedRaster) -> Contract:
        return PlanRasterParameters(
            validated=validated,
            options=options,
            collection_id=parameters.collection_id,
            item_id=item_ids[files[key].name],
        )

    return _for_each(_results(stages[VALIDATION], ValidatedRaster), planning, stages)


@_from_all_results_of(PLANNING)
def plan_pixels(_: ProcessRasterCollectionParameters, stages: Stages) -> StagePlan:
    """Those made in one pass first: should the stage's result grow too large for all, theirs are needed."""
    plans = _results(stages[PLANNING], RasterPlan)
    tasks = sum(1 if plan.chunking is None else plan.chunking.count for plan in plans.values())
    if tasks > _MOST_PIXEL_TASKS:
        return StagePlan.fail_job(
            f"the rasters have {tasks} chunks together, and a job makes {_MOST_PIXEL_TASKS} at most: "
            "take larger chunks or fewer files"
        )
    in_order = sorted(plans, key=lambda key: plans[key].chunking is not None)
    return StagePlan.of([task for key in in_order for task in pixel_tasks(key, plans[key])])


@_from_all_results_of(PLANNING)
def plan_assembly(_: ProcessRasterCollectionParameters, stages: Stages) -> StagePlan:
    """One task for each raster all of whose chunks were made."""
    made = {task.task_index for task in stages[PIXELS].task_results if _is_done(task)}
    plans = _results(stages[PLANNING], RasterPlan)
    return StagePlan.of(
        [
            assembly_task(key, plan, PIXELS)
            for key, plan in plans.items()
            if plan.chunking is not None and made.issuperset(task.index for task in pixel_tasks(key, plan))
        ]
    )


@_from_all_results_of(PIXELS, ASSEMBLY)
def plan_checking(_: ProcessRasterCollectionParameters, stages: Stages) -> StagePlan:
    """One task for each COG, in the order of the listing."""
    made = _results(stages[PIXELS], CreatedCog) | _results(stages[ASSEMBLY], CreatedCog)
    in_order = {key: made[key] for key in _listed(stages) if key in made}
    return _for_each(in_order, lambda _, created: ValidateCogParameters(created=created), stages)


@_from_all_results_of(CHECKING)
def plan_items(parameters: ProcessRasterCollectionParameters, stages: Stages) -> StagePlan:
    def item(_: str, validated: ValidatedCog) -> Contract:
        return CreateItemParameters(validated=validated, register_item=parameters.register_items)

    return _for_each(_results(stages[CHECKING], ValidatedCog), item, stages)


def plan_batch(
    parameters: ProcessRasterCollectionParameters, previous: StageResultContract | None
) -> StagePlan:
    """One task, which gathers the items of the stage before it."""
    batch = CreateBatchParameters(
        collection_id=parameters.collection_id,
        stage=ITEMS,
        expected=previous.successful_tasks if previous else 0,
    )
    return StagePlan.of([TaskDefinition("batch", batch)])


def summarize(parameters: ProcessRasterCollectionParameters, stages: Stages) -> JSONObject:
    """How many there were, where the batch of their items is, and which failed where and why."""
    listing = ListingDecision.model_validate(stages[LISTING].task_results[0].result_data)
    items = stages[ITEMS].successful_tasks if ITEMS in stages else 0
    batch = stages[BATCH].task_results[0] if BATCH in stages else None
    result: JSONObject = ProcessRasterCollectionResult(
        collection_id=parameters.collection_id,
        rasters=listing.matched,
        items=items,
        failed=listing.matched - items,
        failures=tuple(_failures(stages)[:_SHOWN_FAILURES]),
        truncated=listing.truncated,
        batch=CreatedBatch.model_validate(batch.result_data).batch if batch else None,
    ).model_dump(mode="json")
    return result


def _listed(stages: Stages) -> dict[str, FileItem]:
    """The files by the key that stands for each in all stages, in the order of the listing."""
    decision = stages[LISTING].orchestration
    items = decision.items if decision else ()
    return {f"r{number:05d}": FileItem.model_validate(item) for number, item in enumerate(items, start=1)}


def _results(stage: StageResultContract, model: type[M]) -> dict[str, M]:
    """The results of this kind by key: in a stage of mixed tasks those of rasters, not of their chunks."""
    return {
        task.task_index: model.model_validate(task.result_data)
        for task in stage.task_results
        if _is_done(task) and _is_of_raster(task)
    }


def _for_each(
    results: Mapping[str, M], parameters: Callable[[str, M], Contract], stages: Stages
) -> StagePlan:
    """A task for each raster that got so far; where none did, the end of the job with the first reason."""
    if results:
        return StagePlan.of([TaskDefinition(key, parameters(key, result)) for key, result in results.items()])
    failures = _failures(stages)
    first = f": {failures[0].blob}: {failures[0].code}: {failures[0].message}" if failures else ""
    return StagePlan.fail_job(f"no raster got through{first}")


def _failures(stages: Stages) -> list[RasterFailure]:
    """The first failure of each raster that failed, in the order of the listing."""
    files = _listed(stages)
    found: dict[str, RasterFailure] = {}
    for number in _OF_RASTERS:
        for task in stages[number].task_results if number in stages else ():
            if task.status is TaskStatus.FAILED and _key(task) not in found:
                found[_key(task)] = _failure(files[_key(task)], number, task)
    return [found[key] for key in files if key in found]


def _failure(file: FileItem, stage: int, task: TaskResult) -> RasterFailure:
    error = task.error_details
    return RasterFailure(
        blob=file.name,
        stage=stage,
        code=error.code if error else None,
        message=error.message if error else None,
    )


def _key(task: TaskResult) -> str:
    return task.task_index.partition("-")[0]


def _is_of_raster(task: TaskResult) -> bool:
    return _key(task) == task.task_index


def _is_left_out(task: TaskResult) -> bool:
    return _is_done(task) and _is_of_raster(task) and task.result_data is None


def _is_done(task: TaskResult) -> bool:
    return task.status is TaskStatus.COMPLETED


REGISTRATION_INFO = JobRegistration(
    job_type="process_raster_collection",
    description="Makes validated Cloud Optimized GeoTIFFs of all rasters that match, and one batch of their "
    "STAC items; rasters that fail are left behind and told of.",
    parameters=ProcessRasterCollectionParameters,
    stages=(
        StageDefinition("listing", ANALYZE, plan_listing),
        StageDefinition("validation", VALIDATE_RASTER, AllStages(plan_validation), failure=_SOME),
        StageDefinition("planning", PLAN_RASTER, AllStages(plan_planning), failure=_SOME),
        StageDefinition(
            "pixels", CREATE_COG, AllStages(plan_pixels), alternatives=(CREATE_COG_CHUNK,), failure=_SOME
        ),
        StageDefinition("assembly", ASSEMBLE_COG, AllStages(plan_assembly), failure=_ANY),
        StageDefinition("checking", VALIDATE_COG, AllStages(plan_checking), failure=_SOME),
        StageDefinition("items", CREATE_STAC_ITEM, AllStages(plan_items), failure=_SOME),
        StageDefinition("batch", CREATE_STAC_BATCH, plan_batch),
    ),
    summarize=summarize,
    example={"container": "bronze", "prefix": "rasters/", "collection_id": "elevation"},
    result=ProcessRasterCollectionResult,
)
