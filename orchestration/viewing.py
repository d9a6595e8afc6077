"""Shows jobs and job types as the API describes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from interfaces.catalogs import JobCatalog, TaskCatalog
from interfaces.clock import Clock
from interfaces.repositories import JobRepository, StageRepository
from orchestration.estimating import estimated_seconds_left
from orchestration.planning import StagePlanner
from orchestration.submission import Caller, SubmitJob
from orchestration.trying import StageTrial
from schema.api import (
    API_PREFIX,
    DryRunView,
    JobTypeView,
    JobView,
    PlannedStageView,
    StageDescription,
    StageView,
)
from schema.errors import IncompleteCatalogError, JobNotFoundError, UnknownJobTypeError
from schema.json_types import JSONObject
from schema.records import JobRecord, NewJob, OpenStage, StageSummary
from schema.states import FINAL_JOB_STATES, JobStatus
from schema.workflow import JobRegistration


class JobViewer:
    """Reads only."""

    def __init__(
        self, catalog: JobCatalog, jobs: JobRepository, stages: StageRepository, clock: Clock
    ) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._stages = stages
        self._clock = clock

    def view(self, job_id: str) -> JobView:
        """The job with its stages; raises ``JobNotFoundError``."""
        job = self._jobs.get(job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        summaries = self._stages.summaries(job_id, job.run)
        return JobView(
            **job.model_dump(include=_SHARED_FIELDS),
            error=job.error,
            progress=_progress(job, summaries),
            estimated_seconds_left=estimated_seconds_left(job, summaries, self._clock.now()),
            stages=[self._stage_view(job, summary) for summary in summaries],
            stage_results={str(row.stage): row.result for row in summaries if row.result is not None},
            result_data=job.result,
            links=job_links(job_id),
        )

    def _stage_view(self, job: JobRecord, summary: StageSummary) -> StageView:
        return StageView(
            name=self._stage_name(job.job_type, summary.stage),
            **summary.model_dump(exclude=_UNSHOWN_FIELDS),
        )

    def _stage_name(self, job_type: str, stage: int) -> str:
        try:
            return self._catalog.get(job_type).stage(stage).name
        except (IncompleteCatalogError, UnknownJobTypeError):  # the row is older than the catalog
            return f"stage {stage}"


class DryRun:
    """Validates a submission, plans its first stage and tries those that may be tried, storing nothing."""

    def __init__(
        self, catalog: JobCatalog, submit: SubmitJob, planner: StagePlanner, trial: StageTrial
    ) -> None:
        self._catalog = catalog
        self._submit = submit
        self._planner = planner
        self._trial = trial

    def __call__(self, job_type: str, body: JSONObject, caller: Caller, now: datetime) -> DryRunView:
        job = self._submit.validate(job_type, body, caller)
        stages = self._catalog.get(job_type).stages[: job.total_stages]
        unsaved = _unsaved(job, now)
        step = self._planner.plan(unsaved, 1, {})
        return DryRunView(
            job_id=job.job_id,
            job_type=job_type,
            parameters=job.parameters,
            stages=[
                PlannedStageView(
                    stage=number,
                    name=stage.name,
                    task_type=stage.contract.task_type,
                    task_types=[contract.task_type for contract in stage.contracts],
                    max_parallel_tasks=stage.max_parallel_tasks,
                )
                for number, stage in enumerate(stages, start=1)
            ],
            first_stage_tasks=len(step.tasks) if isinstance(step, OpenStage) else None,
            trial=self._trial(unsaved, step),
        )


class JobTypeViewer:
    """What can be submitted."""

    def __init__(self, jobs: JobCatalog, tasks: TaskCatalog) -> None:
        self._jobs = jobs
        self._tasks = tasks

    def registrations(self) -> list[JobRegistration[Any]]:
        """As they are declared, by name."""
        return [self._jobs.get(name) for name in sorted(self._jobs.names())]

    def all(self) -> list[JobTypeView]:
        return [self.view(name) for name in sorted(self._jobs.names())]

    def view(self, job_type: str) -> JobTypeView:
        """Raises ``UnknownJobTypeError``."""
        registration = self._jobs.get(job_type)
        return JobTypeView(
            job_type=job_type,
            description=registration.description,
            stages=self._stages(registration),
            parameters_schema=registration.parameters.model_json_schema(),
            example=registration.example,
        )

    def _stages(self, registration: JobRegistration[Any]) -> list[StageDescription]:
        return [
            StageDescription(
                stage=number,
                name=stage.name,
                task_type=stage.contract.task_type,
                task_types=[contract.task_type for contract in stage.contracts],
                description=self._tasks.info(stage.contract.task_type).description,
                max_parallel_tasks=stage.max_parallel_tasks,
            )
            for number, stage in enumerate(registration.stages, start=1)
        ]


_SHARED_FIELDS = {
    "job_id",
    "job_type",
    "status",
    "run",
    "stage",
    "total_stages",
    "parameters",
    "correlation_id",
    "created_at",
    "started_at",
    "finished_at",
    "updated_at",
}

_UNSHOWN_FIELDS = {"task_type", "result", "ended_lately", "round_began_at", "resumed_at"}


def job_links(job_id: str) -> dict[str, str]:
    """Where to look next, relative to the host."""
    return {
        "self": f"{API_PREFIX}/jobs/status/{job_id}",
        "result": f"{API_PREFIX}/jobs/{job_id}/result",
        "events": f"{API_PREFIX}/jobs/{job_id}/events",
        "tasks": f"{API_PREFIX}/db/tasks/{job_id}",
        "row": f"{API_PREFIX}/db/jobs/{job_id}",
    }


def _progress(job: JobRecord, stages: Sequence[StageSummary]) -> float:
    if job.status in (JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS):
        return 100.0
    done = sum((row.completed + row.failed) / row.expected if row.expected else 1.0 for row in stages)
    percent = 100.0 * done / job.total_stages
    return round(percent if job.status in FINAL_JOB_STATES else min(percent, 99.9), 1)


def _unsaved(job: NewJob, now: datetime) -> JobRecord:
    return JobRecord(
        job_id=job.job_id,
        job_type=job.job_type,
        parameters=job.parameters,
        status=JobStatus.QUEUED,
        stage=1,
        total_stages=job.total_stages,
        run=1,
        correlation_id=job.correlation_id,
        created_at=now,
        updated_at=now,
    )
