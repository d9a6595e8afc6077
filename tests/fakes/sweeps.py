"""The sweep in memory: each repair its own transaction, as ``app.repair_*`` do it."""

from dataclasses import replace
from datetime import datetime, timedelta

from schema.policies import ErrorClass
from schema.records import AttemptFailed, OutboxKind, SweepReport
from schema.results import ErrorDetail
from schema.states import FINAL_JOB_STATES, StageStatus, TaskStatus
from tests.fakes.database import FakeDatabase
from tests.fakes.jobs import touch_job
from tests.fakes.rows import JobRow, TaskRow
from tests.fakes.stages import close_stage, has_unfinished_task
from tests.fakes.tasks import fail_attempt


class FakeSweepRepository:
    """Implements ``interfaces.repositories.SweepRepository``."""

    def __init__(self, database: FakeDatabase, unclaimed_after: timedelta = timedelta(minutes=5)) -> None:
        self._database = database
        self._unclaimed_after = unclaimed_after

    def sweep(self, limit: int) -> SweepReport:
        with self._database.transaction() as tables:
            tables.sweeps.append(None)
            place = len(tables.sweeps) - 1
        report = SweepReport(
            {
                "expired_leases": self._expired_leases(limit),
                "unclosed_stages": self._unclosed_stages(limit),
                "unclaimed_tasks": self._unclaimed_tasks(limit),
                "stalled_jobs": self._stalled_jobs(limit),
            }
        )
        with self._database.transaction() as tables:
            tables.sweeps[place] = report
        return report

    def _expired_leases(self, limit: int) -> int:
        with self._database.transaction() as tables:
            now = self._database.now
            expired = [
                task
                for task in tables.tasks.values()
                if task.lease_expires_at and task.lease_expires_at < now
            ][:limit]
            for task in expired:
                message = f"attempt {task.attempt} was not heard of for its lease"
                error = ErrorDetail(code="LEASE_EXPIRED", message=message, error_class=ErrorClass.LOST)
                ended = fail_attempt(self._database, task, AttemptFailed(error, ErrorClass.LOST))
                for row in ended.outbox:
                    unclaimed = replace(tables.outbox[row.outbox_id], claimed_until=None)
                    tables.outbox[row.outbox_id] = unclaimed
            return len(expired)

    def _unclosed_stages(self, limit: int) -> int:
        with self._database.transaction() as tables:
            unclosed = [
                key
                for key, stage in tables.stages.items()
                if stage.status is StageStatus.OPEN and not has_unfinished_task(self._database, key)
            ]
            return sum(len(close_stage(self._database, key, claimed=False)) for key in unclosed[:limit])

    def _unclaimed_tasks(self, limit: int) -> int:
        with self._database.transaction() as tables:
            late = [task for task in tables.tasks.values() if self._is_unclaimed(task)][:limit]
            for task in late:
                tables.tasks[task.task_id] = replace(task, nudged_at=self._database.now)
                # The message is for now, though the task was due long ago.
                self._database.enqueue_task(replace(task, not_before=self._database.now), claimed=False)
            return len(late)

    def _stalled_jobs(self, limit: int) -> int:
        with self._database.transaction() as tables:
            stalled = [job for job in tables.jobs.values() if self._is_stalled(job)][:limit]
            for job in stalled:
                touch_job(self._database, job)
                self._database.enqueue_job((job.job_id, job.run, job.stage), claimed=False)
            return len(stalled)

    def _is_unclaimed(self, task: TaskRow) -> bool:
        waits = task.status is TaskStatus.QUEUED and self._is_old(task.not_before)
        on_its_way = any(row.task_id == task.task_id for row in self._database.tables.outbox.values())
        return waits and self._may_be_nudged(task.nudged_at) and not on_its_way

    def _is_stalled(self, job: JobRow) -> bool:
        tables = self._database.tables
        waits = job.status not in FINAL_JOB_STATES and self._is_old(job.updated_at)
        moving = any(
            stage.status is StageStatus.OPEN
            or (stage.status is StageStatus.CLOSING and not self._may_be_nudged(stage.closing_at))
            for key, stage in tables.stages.items()
            if key[:2] == (job.job_id, job.run)
        )
        on_its_way = any(
            row.job_id == job.job_id and row.kind is OutboxKind.JOB for row in tables.outbox.values()
        )
        return waits and self._may_be_nudged(job.nudged_at) and not moving and not on_its_way

    def _is_old(self, moment: datetime) -> bool:
        return moment < self._database.now - self._unclaimed_after

    def _may_be_nudged(self, nudged_at: datetime | None) -> bool:
        return nudged_at is None or self._is_old(nudged_at)
