"""Writes the STAC item of a validated COG beside it."""

from datetime import timedelta

from interfaces.handler import TaskContext
from schema.contracts.process_raster import CREATE_STAC_ITEM, CreatedItem, CreateItemParameters, ValidatedCog
from schema.errors import PermanentTaskError
from schema.json_types import canonical_json
from schema.results import FileReference
from schema.workflow import TaskInfo
from services.stac.item import COG_TYPE, ITEM_TYPE, Origin, item_name, item_of
from services.stac.validation import problems_of

INFO = TaskInfo(
    CREATE_STAC_ITEM,
    "Makes the STAC item of a COG, validates it by STAC's schemas, and writes it beside the COG.",
    timeout=timedelta(minutes=5),
)


def run(parameters: CreateItemParameters, context: TaskContext) -> CreatedItem:
    """Another attempt writes the same item again.

    Raises ``PermanentTaskError``: ``BLOB_CHANGED`` where the COG is not the one that was validated,
    ``STAC_ITEM_INVALID`` where the item does not pass STAC's schemas.
    """
    validated = parameters.validated
    plan = validated.plan
    item = item_of(validated, _origin(validated, context), context.blobs.address_of)
    if problems := problems_of(item):
        raise PermanentTaskError(f"the item is not valid: {'; '.join(problems)}", "STAC_ITEM_INVALID")
    name = item_name(plan)
    context.blobs.write(plan.container, name, canonical_json(item).encode(), ITEM_TYPE)
    return CreatedItem(
        collection_id=plan.collection_id,
        item_id=plan.item_id,
        item=FileReference(container=plan.container, blob=name, media_type=ITEM_TYPE),
        cog=FileReference(container=validated.cog.container, blob=validated.cog.blob, media_type=COG_TYPE),
        overview=validated.overview,
        thumbnail=validated.thumbnail,
        bbox=validated.place.bbox,
        size=validated.cog.size,
        sha256=validated.sha256,
    )


def _origin(validated: ValidatedCog, context: TaskContext) -> Origin:
    """The COG was made when its blob was written, whichever attempt asks."""
    info = context.blobs.info(validated.cog.container, validated.cog.blob)
    if info.etag != validated.cog.etag:
        raise PermanentTaskError("the COG was replaced since it was validated", "BLOB_CHANGED")
    return Origin(job_id=context.job_id, run=context.run, created=info.last_modified)
