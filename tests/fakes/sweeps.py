"""The sweep in memory: each repair its own transaction, as ``app.repair_*`` do it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from schema.policies import ErrorClass
from schema.records import AttemptFailed, OutboxKind, OutboxRecord, SweepReport
from schema.results import ErrorDetail
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.fakes.closing import close_stage, has_unfinished_task, tasks_of
from tests.fakes.database import FakeDatabase
from tests.fakes.rows import JobRow, StageRow, SweepRow, TaskRow
from tests.fakes.runs import end_run, touch_job
from tests.fakes.tasks import fail_attempt

_WAITING = (TaskStatus.PENDING, TaskStatus.QUEUED)
_STARTED = (TaskStatus.QUEUED, TaskStatus.PROCESSING)


class FakeSweepRepository:
    """Implements ``interfaces.repositories.SweepRepository``; ``broken`` names repairs that fail."""

    def __init__(self, database: FakeDatabase, unclaimed_after: timedelta = timedelta(minutes=5)) -> None:
        self._database = database
        self._unclaimed_after = unclaimed_after
        self.broken: set[str] = set()

    def sweep(self, limit: int) -> SweepReport:
        with self._database.transaction() as tables:
            tables.sweeps.append(SweepRow(self._database.now))
            place = len(tables.sweeps) - 1
        repairs: dict[str, int] = {}
        errors: dict[str, str] = {}
        for name, repair in self._repairs().items():
            try:
                with self._database.transaction():
                    self._demand(name)
                    repairs[name] = repair(limit)
            except Exception as exc:  # noqa: BLE001 -- as the real one: one repair does not stop the others
                errors[name] = type(exc).__name__
        report = SweepReport(repairs, errors)
        with self._database.transaction() as tables:
            tables.sweeps[place] = replace(tables.sweeps[place], report=report)
        return report

    def _repairs(self) -> Mapping[str, Callable[[int], int]]:
        return {
            "expired_leases": self._expired_leases,
            "deadlines": self._deadlines,
            "ended_runs": self._ended_runs,
            "held_back": self._held_back,
            "unclosed_stages": self._unclosed_stages,
            "unclaimed_tasks": self._unclaimed_tasks,
            "stalled_jobs": self._stalled_jobs,
        }

    def _demand(self, name: str) -> None:
        if name in self.broken:
            raise RuntimeError(f"{name} is broken")

    def _expired_leases(self, limit: int) -> int:
        now = self._database.now
        tasks = self._database.tables.tasks.values()
        expired = [task for task in tasks if task.lease_expires_at and task.lease_expires_at < now]
        for task in expired[:limit]:
            message = f"attempt {task.attempt} was not heard of for its lease"
            error = ErrorDetail(code="LEASE_EXPIRED", message=message, error_class=ErrorClass.LOST)
            ended = fail_attempt(self._database, task, AttemptFailed(error, ErrorClass.LOST))
            self._leave_to_relay(ended.outbox)
        return len(expired[:limit])

    def _deadlines(self, limit: int) -> int:
        now, repairs = self._database.now, 0
        for job in sorted(self._database.tables.jobs.values(), key=lambda job: job.job_id):
            whole_job = job.deadline <= now
            if repairs == limit or not job.active or not (whole_job or self._is_late(job)):
                continue
            error = {
                "code": "JOB_TIMED_OUT" if whole_job else "STAGE_TIMED_OUT",
                "message": f"{'the job' if whole_job else f'stage {job.stage}'} reached its deadline",
                "stage": job.stage,
            }
            repairs += end_run(self._database, job.job_id, job.run, JobStatus.FAILED, error)
        return repairs

    def _ended_runs(self, limit: int) -> int:
        left_behind = [task for task in self._database.tables.tasks.values() if self._is_left_behind(task)]
        for task in left_behind[:limit]:
            now = self._database.now
            self._database.move_task(task, "cancelled", TaskStatus.CANCELLED, finished_at=now)
        return len(left_behind[:limit])

    def _held_back(self, limit: int) -> int:
        repairs = 0
        for stage in list(self._database.tables.stages.values()):
            if stage.status is StageStatus.OPEN and not stage.ending:
                repairs += self._release(stage, limit - repairs)
        return repairs

    def _release(self, stage: StageRow, limit: int) -> int:
        tasks = tasks_of(self._database, stage.key)
        room = stage.max_parallel_tasks - sum(task.status in _STARTED for task in tasks)
        held_back = [task for task in tasks if task.status is TaskStatus.PENDING]
        released = held_back[: max(0, min(room, limit))]
        for task in released:
            now = self._database.now
            queued = self._database.move_task(task, "released", TaskStatus.QUEUED, not_before=now)
            self._database.enqueue_task(queued, claimed=False)
        return len(released)

    def _unclosed_stages(self, limit: int) -> int:
        unclosed = [
            key
            for key, stage in self._database.tables.stages.items()
            if stage.status is StageStatus.OPEN and not has_unfinished_task(self._database, key)
        ]
        return sum(len(close_stage(self._database, key, claimed=False)) for key in unclosed[:limit])

    def _unclaimed_tasks(self, limit: int) -> int:
        late = [task for task in self._database.tables.tasks.values() if self._is_unclaimed(task)]
        for task in late[:limit]:
            self._database.tables.tasks[task.task_id] = replace(task, nudged_at=self._database.now)
            # The message is for now, though the task was due long ago.
            self._database.enqueue_task(replace(task, not_before=self._database.now), claimed=False)
        return len(late[:limit])

    def _stalled_jobs(self, limit: int) -> int:
        stalled = [job for job in self._database.tables.jobs.values() if self._is_stalled(job)]
        for job in stalled[:limit]:
            touch_job(self._database, job)
            self._database.enqueue_job((job.job_id, job.run, job.stage), claimed=False)
        return len(stalled[:limit])

    def _leave_to_relay(self, rows: Sequence[OutboxRecord]) -> None:
        outbox = self._database.tables.outbox
        for row in rows:
            outbox[row.outbox_id] = replace(outbox[row.outbox_id], claimed_until=None)

    def _is_late(self, job: JobRow) -> bool:
        stage = self._database.tables.stages.get((job.job_id, job.run, job.stage))
        live = stage is not None and stage.status in (StageStatus.OPEN, StageStatus.CLOSING)
        return live and stage.deadline <= self._database.now

    def _is_left_behind(self, task: TaskRow) -> bool:
        job = self._database.tables.jobs[task.job_id]
        return task.status in _WAITING and (job.run != task.run or not job.active)

    def _is_unclaimed(self, task: TaskRow) -> bool:
        waits = task.status is TaskStatus.QUEUED and self._is_old(task.not_before)
        on_its_way = any(row.task_id == task.task_id for row in self._database.tables.outbox.values())
        return waits and self._may_be_nudged_again(task) and not on_its_way

    def _may_be_nudged_again(self, task: TaskRow) -> bool:
        """After the age first, then after twice as long each time."""
        if task.nudged_at is None:
            return True
        pause = min(self._unclaimed_after * 12, max(self._unclaimed_after, task.nudged_at - task.not_before))
        return task.nudged_at < self._database.now - pause

    def _is_stalled(self, job: JobRow) -> bool:
        tables = self._database.tables
        waits = job.active and self._is_old(job.updated_at)
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
