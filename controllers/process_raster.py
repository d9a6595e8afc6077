"""``process_raster``: a raster becomes a validated COG with its STAC item, at any size."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field

from schema.contracts.containers import ContainerName
from schema.contracts.process_raster import (
    ASSEMBLE_COG,
    CREATE_COG,
    CREATE_COG_CHUNK,
    CREATE_STAC_ITEM,
    PLAN_RASTER,
    VALIDATE_COG,
    VALIDATE_RASTER,
    AssembleCogParameters,
    CreateChunkParameters,
    CreateCogParameters,
    CreatedCog,
    CreatedItem,
    CreateItemParameters,
    PlanRasterParameters,
    ProcessRasterResult,
    ValidateCogParameters,
    ValidatedCog,
    ValidateRasterParameters,
)
from schema.contracts.rasters import RasterPlan, ValidatedRaster
from schema.json_types import JSONObject
from schema.raster_ids import StacId, item_id_of
from schema.raster_parameters import BlobName, RasterJobParameters
from schema.results import StageResultContract
from schema.workflow import AllStages, JobRegistration, StageDefinition, StagePlan, TaskDefinition

Stages = Mapping[int, StageResultContract]

VALIDATION, PLANNING, PIXELS, ASSEMBLY, CHECKING, ITEM = range(1, 7)
_RASTER = "raster"

M = TypeVar("M", bound=BaseModel)


class ProcessRasterParameters(RasterJobParameters):
    container: ContainerName
    blob: Annotated[BlobName, Field(description="the raster in it: GeoTIFF or JPEG 2000")]
    item_id: Annotated[
        StacId | None, Field(description="the id of its STAC item; none: made from the blob's name")
    ] = None


def plan_validation(parameters: ProcessRasterParameters, _: StageResultContract | None) -> StagePlan:
    source = ValidateRasterParameters(
        container=parameters.container, blob=parameters.blob, options=parameters.options()
    )
    return StagePlan.of([TaskDefinition(_RASTER, source)])


def plan_planning(parameters: ProcessRasterParameters, stages: Stages) -> StagePlan:
    planning = PlanRasterParameters(
        validated=_only(stages, VALIDATION, ValidatedRaster),
        options=parameters.options(),
        collection_id=parameters.collection_id,
        item_id=parameters.item_id or item_id_of(parameters.blob),
    )
    return StagePlan.of([TaskDefinition(_RASTER, planning)])


def plan_pixels(_: ProcessRasterParameters, stages: Stages) -> StagePlan:
    """One task for a small raster, one for each chunk of a large one."""
    return StagePlan.of(pixel_tasks(_RASTER, _only(stages, PLANNING, RasterPlan)))


def plan_assembly(_: ProcessRasterParameters, stages: Stages) -> StagePlan:
    """One task where there are chunks, else none."""
    plan = _only(stages, PLANNING, RasterPlan)
    return StagePlan.of([] if plan.chunking is None else [assembly_task(_RASTER, plan, PIXELS)])


def plan_checking(_: ProcessRasterParameters, stages: Stages) -> StagePlan:
    in_one_pass = _only(stages, PLANNING, RasterPlan).chunking is None
    created = _only(stages, PIXELS if in_one_pass else ASSEMBLY, CreatedCog)
    return StagePlan.of([TaskDefinition(_RASTER, ValidateCogParameters(created=created))])


def plan_item(parameters: ProcessRasterParameters, stages: Stages) -> StagePlan:
    item = CreateItemParameters(
        validated=_only(stages, CHECKING, ValidatedCog), register_item=parameters.register_items
    )
    return StagePlan.of([TaskDefinition(_RASTER, item)])


def pixel_tasks(key: str, plan: RasterPlan) -> list[TaskDefinition]:
    """What makes the pixels of one raster: a task of its key, or one for each chunk."""
    if plan.chunking is None:
        return [TaskDefinition(key, CreateCogParameters(plan=plan))]
    return [
        TaskDefinition(f"{_prefix(key)}{number:06d}", CreateChunkParameters(plan=plan, chunk=number))
        for number in range(plan.chunking.count)
    ]


def assembly_task(key: str, plan: RasterPlan, stage: int) -> TaskDefinition:
    """What puts together the chunks that ``pixel_tasks`` had made in this stage."""
    return TaskDefinition(key, AssembleCogParameters(plan=plan, stage=stage, prefix=_prefix(key)))


def summarize(_: ProcessRasterParameters, stages: Stages) -> JSONObject:
    """Where the files are, and what is known of the COG."""
    item = _only(stages, ITEM, CreatedItem)
    chunking = _only(stages, PLANNING, RasterPlan).chunking
    result: JSONObject = ProcessRasterResult(
        **item.model_dump(exclude={"processed_items"}), chunks=0 if chunking is None else chunking.count
    ).model_dump(mode="json")
    return result


def _only(stages: Stages, number: int, model: type[M]) -> M:
    """The result of the stage's one task."""
    return model.model_validate(stages[number].task_results[0].result_data)


def _prefix(key: str) -> str:
    return f"{key}-c"


REGISTRATION_INFO = JobRegistration(
    job_type="process_raster",
    description="Makes a validated Cloud Optimized GeoTIFF of a raster, whole or in parallel chunks, with "
    "previews and a STAC item.",
    parameters=ProcessRasterParameters,
    stages=(
        StageDefinition("validation", VALIDATE_RASTER, plan_validation),
        StageDefinition("planning", PLAN_RASTER, AllStages(plan_planning)),
        StageDefinition("pixels", CREATE_COG, AllStages(plan_pixels), alternatives=(CREATE_COG_CHUNK,)),
        StageDefinition("assembly", ASSEMBLE_COG, AllStages(plan_assembly)),
        StageDefinition("checking", VALIDATE_COG, AllStages(plan_checking)),
        StageDefinition("item", CREATE_STAC_ITEM, AllStages(plan_item)),
    ),
    summarize=summarize,
    example={"container": "bronze", "blob": "rasters/elevation.tif", "collection_id": "elevation"},
    result=ProcessRasterResult,
    trial_stages=2,
)
