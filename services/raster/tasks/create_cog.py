"""Stage 3 of ``process_raster`` where one pass will do: the whole COG, seen only when it is whole."""

from pathlib import Path

from interfaces.handler import TaskContext
from interfaces.sandbox import ByteSource, LocalFile
from schema.contracts.process_raster import CREATE_COG, CreateCogParameters, CreatedCog
from schema.contracts.rasters import RasterPlan
from schema.errors import PermanentTaskError
from schema.workflow import TaskInfo
from services.raster.products import CogRequest, CogResult
from services.raster.tasks.assemble import COG_TYPE
from services.raster.transfer import BlobSource, staged, upload, version_of

INFO = TaskInfo(CREATE_COG, "Makes a whole COG in one pass.")
"""Retry, lease and time-out are those of chunks: a stage may have tasks of both types."""

MOST_STAGED = 512 * 1024**2
"""Sources up to this size, in bytes, are copied before they are read: by ranges takes many more requests."""

_SOURCE = "source"


def run(parameters: CreateCogParameters, context: TaskContext) -> CreatedCog:
    """Raises ``PermanentTaskError``: ``RASTER_ALL_NODATA``, ``RASTER_UNREADABLE``,
    ``RASTER_METADATA_UNREPRESENTABLE``, ``BLOB_CHANGED`` where the source was replaced, and
    ``RASTER_OUTPUT_EXISTS`` where another file has the COG's name."""
    plan = parameters.plan
    with context.sandbox.workspace(context) as workspace:
        source = _source(plan, workspace.folder, context)
        made = workspace.run("cog", CogRequest(source=_SOURCE, plan=plan), CogResult, {_SOURCE: source})
        return _published(plan, workspace.folder / made.file, context)


def _source(plan: RasterPlan, folder: Path, context: TaskContext) -> ByteSource:
    if plan.source.size > MOST_STAGED:
        return BlobSource(context.blobs, plan.source)
    return LocalFile(staged(context.blobs, plan.source, folder, context))


def _published(plan: RasterPlan, path: Path, context: TaskContext) -> CreatedCog:
    prefix = f"r{context.run:04d}-a{context.attempt:04d}"
    try:
        info = upload(context.blobs, plan.container, plan.cog_name, path, COG_TYPE, prefix, context)
    except PermanentTaskError as exc:
        if exc.error_code != "BLOB_EXISTS":
            raise
        raise PermanentTaskError(f"there is another file {plan.cog_name!r}", "RASTER_OUTPUT_EXISTS") from exc
    return CreatedCog(plan=plan, cog=version_of(plan.container, info))
