"""How a job ends: its final state, its result or its error."""

from collections.abc import Mapping
from typing import Any

from orchestration.contracts import controller_code, json_object
from schema.json_types import storable_text
from schema.records import FinishJob, JobRecord
from schema.results import ErrorDetail, StageResultContract
from schema.states import JobStatus
from schema.workflow import JobRegistration


def completed_job(
    job: JobRecord,
    registration: JobRegistration[Any],
    parameters: Any,
    results: Mapping[int, StageResultContract],
    *,
    degraded: bool,
) -> FinishJob:
    """A completed job with the controller's result; ``degraded`` where tolerated tasks failed.

    Raises ``ContractViolationError`` where the controller's result is no JSON object.
    """
    producer = f"{registration.job_type}.summarize"
    with controller_code(producer):
        result = registration.summarize(parameters, results)
    return FinishJob(
        job_id=job.job_id,
        run=job.run,
        status=JobStatus.COMPLETED_WITH_ERRORS if degraded else JobStatus.COMPLETED,
        result=json_object(result, "JobResult", producer),
    )


def failed_job(
    job: JobRecord, code: str, message: str, stage: int | None = None, task_id: str | None = None
) -> FinishJob:
    """A failed job with the error that the API shows."""
    error = ErrorDetail(code=code, message=storable_text(message), stage=stage, task_id=task_id)
    return FinishJob(job_id=job.job_id, run=job.run, status=JobStatus.FAILED, error=error)
