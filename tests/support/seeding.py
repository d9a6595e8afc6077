"""Puts jobs and tasks into a database through the repositories themselves."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from repositories.jobs import PostgresJobRepository
from repositories.postgres import Database
from repositories.stages import StageCompletionRepository
from repositories.tasks import PostgresTaskRepository
from schema.identity import job_id_of, task_id_of
from schema.policies import ErrorClass, FailureMode, FailurePolicy, RetryPolicy
from schema.records import (
    AttemptFailed,
    AttemptSucceeded,
    ClaimedTask,
    FinishJob,
    NewJob,
    NewTask,
    OpenStage,
)
from schema.results import ErrorDetail
from schema.states import JobStatus

_TOLERANT = FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=0)


class Seeder:
    """Takes jobs through the protocol, as far as a test needs."""

    def __init__(self, database: Database) -> None:
        self.jobs = PostgresJobRepository(database)
        self.stages = StageCompletionRepository(database)
        self.tasks = PostgresTaskRepository(database)

    def job(self, job_type: str = "seeded", total_stages: int = 2, **parameters: Any) -> str:
        """A queued job; parameters make its id, and a random one is added."""
        given = {"seed": uuid4().hex, **parameters}
        job_id = job_id_of(job_type, given)
        self.jobs.submit(NewJob(job_id, job_type, given, total_stages, "seeding"))
        return job_id

    def stage(
        self,
        job_id: str,
        tasks: int,
        stage: int = 1,
        *,
        task_type: str = "seeded_task",
        failure: FailurePolicy = _TOLERANT,
        types: Mapping[int, str] | None = None,
        **parameters: Any,
    ) -> list[str]:
        """An open stage of so many tasks, some of other ``types``; returns their ids in order."""
        ids = [task_id_of(job_id, 1, stage, str(index)) for index in range(tasks)]
        opened = self.stages.open(
            OpenStage(
                job_id=job_id,
                run=1,
                stage=stage,
                task_type=task_type,
                tasks=[
                    NewTask(task_id, str(index), parameters, task_type=(types or {}).get(index))
                    for index, task_id in enumerate(ids)
                ],
                max_parallel_tasks=200,
                retry=RetryPolicy(),
                failure=failure,
                lease=timedelta(minutes=2),
                task_timeout=timedelta(minutes=5),
                stage_timeout=timedelta(hours=1),
            )
        )
        assert opened
        return ids

    def claim(self, task_id: str) -> ClaimedTask:
        claimed = self.tasks.claim(task_id, 1, "seeder", uuid4()).task
        assert claimed is not None
        return claimed

    def complete(self, task_id: str, **result: Any) -> None:
        self.tasks.finish(task_id, self.claim(task_id).lease_token, AttemptSucceeded(result, 1))

    def fail(self, task_id: str, message: str = "it went wrong") -> None:
        error = ErrorDetail(code="SEEDED", message=message, error_class=ErrorClass.PERMANENT)
        self.tasks.finish(
            task_id, self.claim(task_id).lease_token, AttemptFailed(error, ErrorClass.PERMANENT)
        )

    def finish_job(self, job_id: str, status: JobStatus = JobStatus.COMPLETED) -> None:
        assert self.jobs.finish(FinishJob(job_id, 1, status, {"seeded": True}))
