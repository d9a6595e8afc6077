"""Carries out a job's first stages for a dry run, storing nothing, as far as its job type allows."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from interfaces.blobs import BlobRepository
from interfaces.catalogs import JobCatalog, TaskCatalog
from interfaces.clock import Clock
from interfaces.sandbox import Sandbox
from orchestration.handling import handled
from orchestration.running import failure_of
from orchestration.settling import StageSettling, failed_by_tasks
from orchestration.trial_context import TrialContext
from schema.api import TrialProblem, TrialView
from schema.errors import TaskError
from schema.json_types import JSONObject
from schema.policies import ErrorClass, FailureMode
from schema.records import FinishJob, JobRecord, NewTask, NextStep, OpenStage, StageRecord, TaskRecord
from schema.results import ErrorDetail, StageResultContract
from schema.states import StageStatus, TaskStatus

TRIAL_SECONDS = 60.0
_SHOWN_RESULTS = 100


@dataclass
class _Trial:
    """``results`` are those of the stages that went well; ``left`` what their tasks left, by index;
    ``may_pass`` whether a task met a fault that another attempt might not."""

    job: JobRecord
    stop_at: float
    results: dict[int, StageResultContract] = field(default_factory=dict[int, StageResultContract])
    left: dict[int, dict[str, JSONObject]] = field(default_factory=dict[int, dict[str, JSONObject]])
    may_pass: bool = False


class StageTrial:
    """Calls the handlers one after another where it stands, for a minute at most, and decides as for a job.

    What a handler raises as a ``TaskError`` is a finding; a trial does not try again, and says of one that is
    not permanent that the job might not fail with it. Anything else it raises goes through.
    """

    def __init__(
        self,
        jobs: JobCatalog,
        tasks: TaskCatalog,
        settling: StageSettling,
        *,
        blobs: BlobRepository,
        sandbox: Sandbox,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._settling = settling
        self._blobs = blobs
        self._sandbox = sandbox
        self._clock = clock

    def __call__(self, job: JobRecord, first: NextStep) -> TrialView | None:
        """How the first stages went, from the step that opens stage 1; ``None`` where none may be tried."""
        stages = min(self._jobs.get(job.job_type).trial_stages, job.total_stages)
        if stages == 0:
            return None
        trial = _Trial(job, self._clock.monotonic() + TRIAL_SECONDS)
        step, problem = first, _problem_of(first, 1)
        while problem is None and isinstance(step, OpenStage) and step.stage <= stages:
            stage = step.stage
            result, step = self._tried(trial, step)
            problem = _problem_of(step, stage)
            if result.status is not StageStatus.FAILED:
                trial.results[stage] = result
            elif problem is None:  # the controller would have the stage run again
                problem = _problem_of(failed_by_tasks(job, result), stage)
        if problem is not None and trial.may_pass:
            problem = problem.model_copy(update={"would_fail": False})
        return TrialView(stages_run=len(trial.results), results=_shown(trial), problem=problem)

    def _tried(self, trial: _Trial, stage: OpenStage) -> tuple[StageResultContract, NextStep]:
        opened_at = self._clock.now()
        tasks = list(self._tasks_of(trial, stage))
        trial.left[stage.stage] = {
            task.task_index: task.result
            for task in tasks
            if task.status is TaskStatus.COMPLETED and task.result is not None
        }
        row = StageRecord(
            job_id=stage.job_id,
            run=stage.run,
            stage=stage.stage,
            status=StageStatus.CLOSING,
            task_type=stage.task_type,
            expected=len(tasks),
            completed=0,
            failed=0,
            retries=0,
            opened_at=opened_at,
        )
        return self._settling.settled(trial.job, row, tasks, lambda: trial.results)

    def _tasks_of(self, trial: _Trial, stage: OpenStage) -> Iterator[TaskRecord]:
        """All tasks of the stage, ended; where it fails fast, those behind a failed one are skipped."""
        over = False
        for position, task in enumerate(stage.tasks):
            row = self._skipped(stage, task, position) if over else self._ended(trial, stage, task, position)
            over = over or (row.status is TaskStatus.FAILED and stage.failure.mode is FailureMode.FAIL_FAST)
            yield row

    def _ended(self, trial: _Trial, stage: OpenStage, task: NewTask, position: int) -> TaskRecord:
        started = self._clock.now()
        context = TrialContext(
            trial.job,
            stage.stage,
            task,
            trial.left,
            blobs=self._blobs,
            sandbox=self._sandbox,
            clock=self._clock,
            stop_at=trial.stop_at,
        )
        ended: dict[str, object] = {"status": TaskStatus.COMPLETED}
        try:
            context.raise_if_stopped()
            done = handled(self._tasks, task.task_type or stage.task_type, task.parameters, context)
            ended.update(result=done.result, processed_items=done.processed_items)
        except TaskError as exc:
            failure = failure_of(exc)
            trial.may_pass = trial.may_pass or failure.error_class is not ErrorClass.PERMANENT
            ended.update(status=TaskStatus.FAILED, error=failure.error)
        times = {"started_at": started, "finished_at": self._clock.now()}
        return self._skipped(stage, task, position).model_copy(update={**ended, **times})

    def _skipped(self, stage: OpenStage, task: NewTask, position: int) -> TaskRecord:
        return TaskRecord(
            task_id=task.task_id,
            job_id=stage.job_id,
            run=stage.run,
            stage=stage.stage,
            task_index=task.index,
            position=position,
            task_type=task.task_type or stage.task_type,
            status=TaskStatus.SKIPPED,
            parameters=task.parameters,
            attempt=1,
            max_attempts=1,
        )


def _problem_of(step: NextStep, stage: int) -> TrialProblem | None:
    """Why the job would fail, where it would; the stage is where it is now."""
    error: ErrorDetail | None = step.error if isinstance(step, FinishJob) else None
    if error is None:
        return None
    return TrialProblem(code=error.code, message=error.message, stage=error.stage or stage)


def _shown(trial: _Trial) -> list[JSONObject]:
    if not trial.results:
        return []
    last = trial.results[max(trial.results)]
    left = [task.result_data for task in last.task_results if task.result_data is not None]
    return left[:_SHOWN_RESULTS]
