"""Stage 1 of ``process_raster``: whether a source can be processed, told by its header."""

from datetime import UTC, datetime, timedelta

from interfaces.handler import TaskContext
from interfaces.sandbox import Limits
from schema.contracts.process_raster import VALIDATE_RASTER, ValidateRasterParameters
from schema.contracts.rasters import BlobVersion, ValidatedRaster
from schema.errors import PermanentTaskError
from schema.policies import RetryPolicy
from schema.workflow import TaskInfo
from services.raster import dates
from services.raster.descriptions import DescribeRequest, DescribeResult
from services.raster.transfer import BlobSource

INFO = TaskInfo(
    VALIDATE_RASTER,
    "Reads a raster's header in a child process and refuses what cannot be processed.",
    timeout=timedelta(minutes=5),
    retry=RetryPolicy(attempts=4),
)

LIMITS = Limits(memory_bytes=512_000_000, seconds=60.0, disk_bytes=10_000_000)

_SOURCE = "source"


def run(parameters: ValidateRasterParameters, context: TaskContext) -> ValidatedRaster:
    """Raises ``PermanentTaskError`` with the code that says what is wrong with the raster."""
    source = _pinned(parameters, context)
    request = DescribeRequest(source=_SOURCE, blob=source.blob, options=parameters.options)
    with context.sandbox.workspace(context) as workspace:
        found = workspace.run(
            "describe", request, DescribeResult, {_SOURCE: BlobSource(context.blobs, source)}, LIMITS
        )
    return ValidatedRaster(
        source=source,
        description=found.description,
        grid=found.grid,
        warped=found.warped,
        shrinking=found.shrinking,
        acquired=_acquired(parameters, found),
    )


def _pinned(parameters: ValidateRasterParameters, context: TaskContext) -> BlobVersion:
    info = context.blobs.info(parameters.container, parameters.blob)
    if parameters.etag not in (None, info.etag):
        raise PermanentTaskError(f"{parameters.blob!r} was replaced since it was listed", "BLOB_CHANGED")
    if info.size == 0:
        raise PermanentTaskError("the file has no bytes", "RASTER_EMPTY")
    return BlobVersion(container=parameters.container, blob=parameters.blob, etag=info.etag, size=info.size)


def _acquired(parameters: ValidateRasterParameters, found: DescribeResult) -> datetime:
    """What the user says, else the tags of the acquisition, the blob's name, or when the file was made."""
    given = parameters.options.datetime
    in_name = dates.from_name(parameters.blob, datetime.now(UTC))
    moment = given or found.acquired or in_name or found.written
    if moment is None:
        raise PermanentTaskError(
            "neither the raster's tags nor its name say when it was acquired: give datetime",
            "RASTER_DATETIME_MISSING",
        )
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
