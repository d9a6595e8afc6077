"""Finds the final result of a job, wherever it is kept."""

import hashlib
from dataclasses import dataclass

from pydantic_core import to_json

from interfaces.payloads import PayloadStore
from interfaces.repositories import JobRepository
from schema.errors import JobHasNoResultError, JobNotFoundError, ResultNotReadyError
from schema.records import JobRecord
from schema.states import FINAL_JOB_STATES, JobStatus

_WITH_RESULT = (JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS)


@dataclass(frozen=True)
class FinalResult:
    """JSON in UTF-8, or where it is; ``digest`` changes with it."""

    digest: str
    text: bytes
    reference: str | None = None


class ResultReader:
    """Reads only, and passes a large result on as it is stored."""

    def __init__(self, jobs: JobRepository, store: PayloadStore) -> None:
        self._jobs = jobs
        self._store = store

    def find(self, job_id: str) -> FinalResult:
        """Raises ``JobNotFoundError``, ``ResultNotReadyError`` and ``JobHasNoResultError``."""
        job = self._jobs.get(job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        if job.status not in FINAL_JOB_STATES:
            raise ResultNotReadyError(f"the job is {job.status.value}; it has a result once it is completed")
        if job.status not in _WITH_RESULT:
            raise JobHasNoResultError(_without(job))
        if job.result_ref is not None:
            return FinalResult(_digest(job.result_ref.encode()), b"", job.result_ref)
        text = to_json(job.result)
        return FinalResult(_digest(text), text)

    def content(self, result: FinalResult) -> bytes:
        """The whole result; raises ``ServiceUnavailableError``."""
        return result.text if result.reference is None else self._store.read(result.reference)


def _without(job: JobRecord) -> str:
    code = "" if job.error is None else f" ({job.error.code})"
    return f"the job is {job.status.value}{code} and has no result"


def _digest(text: bytes) -> str:
    """Of a reference it is as good as of the value: its name ends with the value's own digest."""
    return hashlib.sha256(text).hexdigest()[:32]
