"""Checks a COG that was made, describes it, and deletes it where it is not what was planned."""

import hashlib
from datetime import timedelta
from pathlib import Path

from interfaces.handler import TaskContext
from interfaces.sandbox import ByteSource, Limits, LocalFile, Workspace
from schema.contracts.process_raster import VALIDATE_COG, ValidateCogParameters, ValidatedCog
from schema.contracts.rasters import BlobVersion, RasterPlan
from schema.errors import PermanentTaskError
from schema.results import FileReference
from schema.workflow import TaskInfo
from services.raster.inspections import INVALID, InspectRequest, InspectResult
from services.raster.transfer import BlobSource, pieces, sha256_of

INFO = TaskInfo(
    VALIDATE_COG,
    "Reads every block of a COG, holds it to its plan and its source, and draws its pictures.",
    timeout=timedelta(minutes=25),
)

_LIMITS = Limits(seconds=INFO.timeout.total_seconds())
"""The task's own time ends it: the largest rasters take most of that."""

STAGED_BYTES = 512_000_000
"""Up to this size a file is copied to the local disk before it is read; larger ones are read by ranges."""


def run(parameters: ValidateCogParameters, context: TaskContext) -> ValidatedCog:
    """Raises ``PermanentTaskError``: ``RASTER_OUTPUT_INVALID``, after the COG was deleted, by this attempt or
    one before, and what reading the blobs meets (``BLOB_CHANGED`` where one is not the version that was
    pinned)."""
    plan, cog = parameters.created.plan, parameters.created.cog
    with context.sandbox.workspace(context) as workspace:
        made, sha256 = _read_cog(cog, workspace.folder, context)
        source, source_sha256 = _read_whole(plan.source, "source", workspace.folder, context)
        found = _inspected(parameters, {"cog": made, "source": source}, workspace, context)
        overview = _uploaded(workspace.folder / found.overview, "overview.png", plan, context)
        thumbnail = _uploaded(workspace.folder / found.thumbnail, "thumbnail.png", plan, context)
    return ValidatedCog(
        plan=plan,
        cog=cog,
        sha256=sha256,
        source_sha256=source_sha256,
        bands=found.bands,
        comparison=found.comparison,
        overview=overview,
        thumbnail=thumbnail,
        checks=found.checks,
        place=found.place,
        software=found.software,
    )


def _inspected(
    parameters: ValidateCogParameters,
    sources: dict[str, ByteSource],
    workspace: Workspace,
    context: TaskContext,
) -> InspectResult:
    cog = parameters.created.cog
    try:
        request = InspectRequest(plan=parameters.created.plan)
        return workspace.run("inspect", request, InspectResult, sources, _LIMITS)
    except PermanentTaskError as exc:
        if exc.error_code == INVALID:
            context.blobs.delete(cog.container, cog.blob)
        raise


def _read_cog(cog: BlobVersion, folder: Path, context: TaskContext) -> tuple[ByteSource, str]:
    """An attempt that deletes a COG may die before that is told, and the next one finds nothing."""
    try:
        return _read_whole(cog, "cog", folder, context)
    except PermanentTaskError as exc:
        if exc.error_code != "BLOB_NOT_FOUND":
            raise
        raise PermanentTaskError(
            "the COG is gone: it failed a check before and was deleted as invalid; run the job anew (rerun)",
            INVALID,
        ) from exc


def _read_whole(
    version: BlobVersion, name: str, folder: Path, context: TaskContext
) -> tuple[ByteSource, str]:
    """The blob for the child to read, copied into the folder if it is small, and its SHA-256."""
    if version.size > STAGED_BYTES:
        return BlobSource(context.blobs, version), sha256_of(context.blobs, version, context)
    path = folder / name
    digest = hashlib.sha256()
    with path.open("wb") as copy:
        for piece in pieces(context.blobs, version, context):
            digest.update(piece)
            copy.write(piece)
    return LocalFile(path), digest.hexdigest()


def _uploaded(picture: Path, name: str, plan: RasterPlan, context: TaskContext) -> FileReference:
    blob = f"{plan.folder}/{name}"
    context.blobs.write(plan.container, blob, picture.read_bytes(), "image/png")
    return FileReference(container=plan.container, blob=blob, media_type="image/png")
