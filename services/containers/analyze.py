"""Stage 1 of ``list_container``: lists, filters, and decides what follows."""

from interfaces.blobs import BlobInfo
from interfaces.handler import TaskContext
from schema.contracts.containers import FileItem
from schema.contracts.list_container import ANALYZE, AnalyzeParameters, ListingDecision
from schema.json_types import is_storable
from schema.results import OrchestrationAction, OrchestrationData
from schema.workflow import TaskInfo
from services.containers.filters import matcher

INFO = TaskInfo(ANALYZE, "Lists a container, keeps the files that match, and plans a task for each.")

_CHECK_EVERY = 1_000
_HALF_WAY = 50_000


def run(parameters: AnalyzeParameters, context: TaskContext) -> ListingDecision:
    """A task for each file that matches, up to ``max_files``; the job's end where none does."""
    matches = matcher(parameters.filter)
    found: list[BlobInfo] = []
    listed = unusable = 0
    truncated = False
    for blob in context.blobs.list_blobs(parameters.container, parameters.prefix):
        if matches(blob.name) and not is_storable(blob.name):
            unusable += 1
        elif matches(blob.name):
            if len(found) == parameters.max_files:
                truncated = True
                break
            found.append(blob)
        listed += 1
        if listed % _CHECK_EVERY == 0:
            context.raise_if_stopped()
            context.report_progress(listed / (listed + _HALF_WAY))
    return ListingDecision(
        orchestration=_decision(found),
        container=parameters.container,
        listed=listed,
        matched=len(found),
        truncated=truncated,
        unusable_names=unusable,
        processed_items=listed,
    )


def _decision(found: list[BlobInfo]) -> OrchestrationData:
    if not found:
        return OrchestrationData(action=OrchestrationAction.COMPLETE_JOB, reason="no file matches")
    return OrchestrationData(
        action=OrchestrationAction.CREATE_TASKS,
        items=tuple(_item(blob).model_dump(mode="json") for blob in found),
        item_count=len(found),
    )


def _item(blob: BlobInfo) -> FileItem:
    return FileItem(
        name=blob.name,
        size=blob.size,
        etag=blob.etag,
        last_modified=blob.last_modified,
        content_type=blob.content_type,
    )
