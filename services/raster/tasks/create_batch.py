"""Puts the items of a collection job into one file, for a catalogue to load at once."""

from collections.abc import Iterator
from datetime import timedelta

from interfaces.handler import TaskContext
from schema.contracts.process_raster import (
    CREATE_STAC_BATCH,
    CreateBatchParameters,
    CreatedBatch,
    CreatedItem,
)
from schema.errors import PermanentTaskError, RetryableTaskError
from schema.results import FileReference
from schema.workflow import TaskInfo

INFO = TaskInfo(
    CREATE_STAC_BATCH,
    "Writes all items of a collection job as one file of newline-delimited JSON.",
    timeout=timedelta(minutes=25),
)

BATCH_TYPE = "application/x-ndjson"

_LARGEST_ITEM = 4_000_000
_BLOCK_BYTES = 8_000_000


def run(parameters: CreateBatchParameters, context: TaskContext) -> CreatedBatch:
    """The items lie in the order of their tasks' indexes, one a line, as they were written beside their COGs.

    Only a block of the file is held in memory, and nothing is seen of it before it is whole. Its name is this
    attempt's alone, so that none that wakes up late touches what the job's result names. Raises
    ``PermanentTaskError`` (``STAC_ITEM_TOO_LARGE``) and what reading an item meets.
    """
    container = context.blobs.output_container
    name = f"{context.job_id[:16]}-r{context.run}-a{context.attempt}"
    blob = f"{parameters.collection_id}/batches/{name}.ndjson"
    block_ids: list[str] = []
    block, items = bytearray(), 0
    for line in _lines(parameters, context):
        block += line
        items += 1
        if len(block) >= _BLOCK_BYTES:
            block_ids.append(_staged(container, blob, len(block_ids), block, context))
            block = bytearray()
    if block:
        block_ids.append(_staged(container, blob, len(block_ids), block, context))
    _commit(container, blob, block_ids, context)
    return CreatedBatch(
        collection_id=parameters.collection_id,
        batch=FileReference(container=container, blob=blob, media_type=BATCH_TYPE),
        items=items,
        processed_items=items,
    )


def _lines(parameters: CreateBatchParameters, context: TaskContext) -> Iterator[bytes]:
    for number, (_, result) in enumerate(context.results_of(parameters.stage), 1):
        context.raise_if_stopped()
        item = CreatedItem.model_validate(result).item
        text = context.blobs.read_range(item.container, item.blob, 0, _LARGEST_ITEM + 1)
        if len(text) > _LARGEST_ITEM:
            raise PermanentTaskError(f"the item {item.blob!r} is too large", "STAC_ITEM_TOO_LARGE")
        yield text + b"\n"
        context.report_progress(min(1.0, number / max(1, parameters.expected)))


def _staged(container: str, blob: str, number: int, data: bytearray, context: TaskContext) -> str:
    block_id = f"{context.attempt:06d}-{number:06d}"
    context.blobs.stage_block(container, blob, block_id, bytes(data))
    return block_id


def _commit(container: str, blob: str, block_ids: list[str], context: TaskContext) -> None:
    """Raises ``RetryableTaskError`` where the commit was carried out but its answer lost: another attempt has
    another name."""
    context.raise_if_stopped()
    if not block_ids:
        context.blobs.write(container, blob, b"", BATCH_TYPE)
        return
    try:
        context.blobs.commit_blocks(container, blob, block_ids, BATCH_TYPE)
    except PermanentTaskError as exc:
        if exc.error_code == "BLOB_EXISTS":
            raise RetryableTaskError("the batch is there already", exc.error_code) from exc
        raise
