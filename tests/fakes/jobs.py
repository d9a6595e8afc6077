"""Jobs in memory, as ``app.submit_job`` and ``app.finish_job`` do it."""

from dataclasses import replace

from schema.records import FinishJob, JobRecord, NewJob, Submission
from schema.states import FINAL_JOB_STATES, JobStatus
from tests.fakes.database import FakeDatabase, stored
from tests.fakes.rows import Event, JobRow


class FakeJobRepository:
    """Implements ``interfaces.repositories.JobRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def submit(self, job: NewJob) -> Submission:
        with self._database.transaction() as tables:
            present = tables.jobs.get(job.job_id)
            if present is not None:
                return Submission(job_record(present), created=False, outbox=[])
            now = self._database.now
            values = {**vars(job), "parameters": stored(job.parameters)}
            row = JobRow(**values, created_at=now, updated_at=now)
            tables.jobs[job.job_id] = row
            tables.events.append(Event("job", job.job_id, None, "submitted", "queued"))
            message = self._database.enqueue_job((job.job_id, 1, 1), claimed=True)
            return Submission(job_record(row), created=True, outbox=[self._database.outbox_record(message)])

    def get(self, job_id: str) -> JobRecord | None:
        with self._database.transaction() as tables:
            row = tables.jobs.get(job_id)
            return None if row is None else job_record(row)

    def finish(self, finish: FinishJob) -> bool:
        with self._database.transaction():
            return finish_job(self._database, finish)


def finish_job(database: FakeDatabase, finish: FinishJob) -> bool:
    """``app.finish_job``, within the caller's transaction."""
    row = database.tables.jobs.get(finish.job_id)
    if row is None or row.run != finish.run or row.status in FINAL_JOB_STATES:
        return False
    event = "completed" if finish.status is JobStatus.COMPLETED_WITH_ERRORS else finish.status.value
    now = database.now
    database.move_job(
        row,
        event,
        finish.status,
        result=stored(finish.result),
        error=stored(finish.error),
        finished_at=now,
        updated_at=now,
    )
    return True


def touch_job(database: FakeDatabase, row: JobRow) -> None:
    """Note that the orchestrator was woken for this job."""
    database.tables.jobs[row.job_id] = replace(row, nudged_at=database.now)


def job_record(row: JobRow) -> JobRecord:
    return JobRecord.model_validate(vars(row))
