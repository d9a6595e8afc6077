"""Finds the final result of a job, wherever it is kept."""

import hashlib
from dataclasses import dataclass
from threading import BoundedSemaphore

from pydantic_core import from_json, to_json

from interfaces.payloads import PayloadStore
from interfaces.repositories import JobRepository
from schema.errors import (
    BusyError,
    JobHasNoResultError,
    JobNotFoundError,
    ResultNotReadyError,
    ResultTooLargeError,
)
from schema.json_types import JSONObject
from schema.records import JobRecord
from schema.states import FINAL_JOB_STATES, JobStatus

MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MOST_READS = 2
_PATIENCE_SECONDS = 20.0
_WITH_RESULT = (JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS)


@dataclass(frozen=True)
class FinalResult:
    """JSON in UTF-8, or where it is; ``digest`` changes with it."""

    digest: str
    text: bytes
    reference: str | None = None


class ResultReader:
    """Reads only. A large result is passed on as it is stored, not parsed, but read into memory, as the
    platform takes no streams: at most ``limit`` bytes at a time, and ``most_reads`` times at once in this
    process; others wait for so many seconds of ``patience``.
    """

    def __init__(
        self,
        jobs: JobRepository,
        store: PayloadStore,
        *,
        limit: int = MAX_ANSWER_BYTES,
        most_reads: int = _MOST_READS,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._limit = limit
        self._reads = BoundedSemaphore(most_reads)
        self._patience = patience

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
            return _stored(job.result_ref)
        text = to_json(job.result)
        return FinalResult(_digest(text), text)

    def value(self, job: JobRecord) -> JSONObject | None:
        """The result parsed; raises as ``whole`` does."""
        return job.result if job.result_ref is None else from_json(self.whole(_stored(job.result_ref)))

    def size(self, result: FinalResult) -> int:
        """In bytes; raises ``ServiceUnavailableError``."""
        return len(result.text) if result.reference is None else self._store.size(result.reference)

    def whole(self, result: FinalResult) -> bytes:
        """Raises ``ResultTooLargeError``, ``BusyError`` and ``ServiceUnavailableError``."""
        size = self.size(result)
        if size > self._limit:
            raise ResultTooLargeError(size, self._limit)
        return self.part(result, 0, size)

    def part(self, result: FinalResult, first: int, length: int) -> bytes:
        """So many bytes from ``first`` on, or as many of them as one answer may have; raises ``BusyError``
        and ``ServiceUnavailableError``."""
        length = min(length, self._limit)
        if result.reference is None:
            return result.text[first : first + length]
        if not self._reads.acquire(timeout=self._patience):
            raise BusyError("other large results are being read; ask again")
        try:
            return self._store.read(result.reference, first, length)
        finally:
            self._reads.release()


def _without(job: JobRecord) -> str:
    code = "" if job.error is None else f" ({job.error.code})"
    return f"the job is {job.status.value}{code} and has no result"


def _stored(reference: str) -> FinalResult:
    return FinalResult(_digest(reference.encode()), b"", reference)


def _digest(text: bytes) -> str:
    """Of a reference it is as good as of the value: its name ends with the value's own digest."""
    return hashlib.sha256(text).hexdigest()[:32]
