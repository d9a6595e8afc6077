"""Jobs in memory, as ``app.submit_job``, ``cancel_job``, ``retry_job`` and ``rerun_job`` do it.

Who did something is not kept: the trail in memory has no actors.
"""

from schema.callbacks import Subscription
from schema.records import Control, ControlOutcome, FinishJob, JobRecord, NewJob, OutboxRecord, Submission
from schema.results import ErrorDetail
from schema.states import JobStatus
from tests.fakes.callbacks import subscribe
from tests.fakes.database import FakeDatabase, Tables, stored
from tests.fakes.reopening import resume_stage
from tests.fakes.rows import Event, JobRow
from tests.fakes.runs import end_run, finish_job

_RETRIABLE = (JobStatus.FAILED, JobStatus.CANCELLED)


class FakeJobRepository:
    """Implements ``interfaces.repositories.JobRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def submit(self, job: NewJob, subscription: Subscription | None = None) -> Submission:
        with self._database.transaction() as tables:
            submission = self._submitted(tables, job)
            if subscription is not None:
                subscribe(self._database, job, subscription)
            return submission

    def get(self, job_id: str) -> JobRecord | None:
        with self._database.transaction() as tables:
            row = tables.jobs.get(job_id)
            return None if row is None else job_record(row)

    def finish(self, finish: FinishJob) -> bool:
        with self._database.transaction():
            return finish_job(self._database, finish)

    def cancel(self, job_id: str, reason: str, actor: str | None = None) -> Control | None:  # noqa: ARG002 -- no trail
        with self._database.transaction() as tables:
            row = tables.jobs.get(job_id)
            if row is None:
                return None
            error = ErrorDetail(code="JOB_CANCELLED", message=reason, stage=row.stage)
            end_run(self._database, job_id, row.run, JobStatus.CANCELLED, error)
            row = tables.jobs[job_id]
            cancelled = row.status is JobStatus.CANCELLED
            return Control(ControlOutcome.DONE if cancelled else ControlOutcome.REFUSED, job_record(row), [])

    def retry(self, job_id: str, correlation_id: str, actor: str | None = None) -> Control | None:  # noqa: ARG002 -- no trail
        with self._database.transaction() as tables:
            row = tables.jobs.get(job_id)
            if row is None:
                return None
            if row.status not in _RETRIABLE:
                return Control(ControlOutcome.REFUSED, job_record(row), [])
            opened = (job_id, row.run, row.stage) in tables.stages
            status = JobStatus.PROCESSING if opened else JobStatus.QUEUED
            row = self._taken_up(row, "retried", status, correlation_id)
            goes_on = resume_stage(self._database, (job_id, row.run, row.stage))
            return Control(ControlOutcome.DONE, job_record(row), [] if goes_on else self._woken(row))

    def rerun(self, job_id: str, correlation_id: str, actor: str | None = None) -> Control | None:  # noqa: ARG002 -- no trail
        with self._database.transaction() as tables:
            row = tables.jobs.get(job_id)
            if row is None:
                return None
            if row.active:
                return Control(ControlOutcome.REFUSED, job_record(row), [])
            anew = {"run": row.run + 1, "stage": 1, "started_at": None}
            row = self._taken_up(row, "rerun", JobStatus.QUEUED, correlation_id, **anew)
            return Control(ControlOutcome.DONE, job_record(row), self._woken(row))

    def fail(self, job_id: str, run: int, error: ErrorDetail) -> bool:
        with self._database.transaction():
            return end_run(self._database, job_id, run, JobStatus.FAILED, error)

    def _submitted(self, tables: Tables, job: NewJob) -> Submission:
        present = tables.jobs.get(job.job_id)
        if present is not None:
            return Submission(job_record(present), created=False, outbox=[])
        now = self._database.now
        values = {**vars(job), "parameters": stored(job.parameters)}
        row = JobRow(**values, deadline=now + job.timeout, created_at=now, updated_at=now)
        tables.jobs[job.job_id] = row
        tables.events.append(Event("job", job.job_id, None, "submitted", "queued"))
        return Submission(job_record(row), created=True, outbox=self._woken(row))

    def _taken_up(
        self, row: JobRow, event: str, status: JobStatus, correlation_id: str, **changes: object
    ) -> JobRow:
        now = self._database.now
        return self._database.move_job(
            row,
            event,
            status,
            result=None,
            result_ref=None,
            error=None,
            finished_at=None,
            nudged_at=None,
            updated_at=now,
            deadline=now + row.timeout,
            correlation_id=correlation_id,
            **changes,
        )

    def _woken(self, row: JobRow) -> list[OutboxRecord]:
        message = self._database.enqueue_job((row.job_id, row.run, row.stage), claimed=True)
        return [self._database.outbox_record(message)]


def job_record(row: JobRow) -> JobRecord:
    return JobRecord.model_validate(vars(row))
