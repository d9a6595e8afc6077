"""Stage 3 of ``list_container``: writes what is known of all files into one index, as JSON and as Parquet."""

from collections.abc import Sequence

from interfaces.handler import TaskContext
from schema.contracts.list_container import INDEX, FileMetadata, IndexParameters, IndexResult
from schema.json_types import JSONObject, canonical_json
from schema.workflow import TaskInfo
from services.containers.parquet import parquet_of

INFO = TaskInfo(INDEX, "Writes the index of a listing to the output container, as JSON and Parquet.")


def run(parameters: IndexParameters, context: TaskContext) -> IndexResult:
    """Write both files under names that follow from job and run: another attempt writes the same again."""
    files = [FileMetadata.model_validate(row) for _, row in context.results_of(parameters.stage)]
    context.raise_if_stopped()
    base = f"indexes/{parameters.container}/{context.job_id}-r{context.run}"
    container = context.blobs.output_container
    document = canonical_json(_document(parameters, context, files)).encode()
    context.blobs.write(container, f"{base}.json", document, "application/json")
    context.report_progress(0.5)
    context.raise_if_stopped()
    context.blobs.write(container, f"{base}.parquet", parquet_of(files), "application/vnd.apache.parquet")
    return IndexResult(
        container=container,
        json_blob=f"{base}.json",
        parquet_blob=f"{base}.parquet",
        processed_items=len(files),
    )


def _document(parameters: IndexParameters, context: TaskContext, files: Sequence[FileMetadata]) -> JSONObject:
    return {
        "job_id": context.job_id,
        "run": context.run,
        "container": parameters.container,
        "prefix": parameters.prefix,
        "filter": parameters.filter,
        "metadata_level": parameters.level.value,
        "expected_files": parameters.expected,
        "file_count": len(files),
        "files": [file.model_dump(mode="json") for file in files],
    }
