"""Stage 2 of ``process_raster``: what is to be made of a validated source, by arithmetic alone."""

from datetime import timedelta

from interfaces.handler import TaskContext
from schema.contracts.process_raster import PLAN_RASTER, PlanRasterParameters
from schema.contracts.rasters import RasterPlan
from schema.raster_ids import item_id_of
from schema.workflow import TaskInfo
from services.raster.planning import Destination, folder_of, planned

INFO = TaskInfo(
    PLAN_RASTER,
    "Fixes grid, encoding and chunks of the output, and estimates what they take.",
    timeout=timedelta(minutes=1),
)


def run(parameters: PlanRasterParameters, context: TaskContext) -> RasterPlan:
    """Raises ``PermanentTaskError`` where the options do not fit the raster."""
    item_id = parameters.item_id or item_id_of(parameters.validated.source.blob)
    destination = Destination(
        collection_id=parameters.collection_id,
        item_id=item_id,
        container=context.blobs.output_container,
        folder=folder_of(parameters.collection_id, item_id, context.job_id, context.run),
    )
    return planned(parameters.validated, parameters.options, destination)
