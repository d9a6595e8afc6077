"""What a controller plans is checked before anything is stored."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from schema.errors import ContractViolationError
from schema.identity import task_id_of
from schema.records import FinishJob, JobRecord, OpenStage
from schema.results import OrchestrationAction
from schema.states import JobStatus
from schema.workflow import StagePlan, TaskDefinition
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    TOLERANT,
    DecidingResult,
    WorkParameters,
    handlers,
    job_type,
    planning,
    stage,
    work,
)

NOW = datetime(2025, 1, 1, tzinfo=UTC)
JOB = JobRecord(
    job_id="a" * 64,
    job_type="trial",
    parameters={"n": 2},
    status=JobStatus.QUEUED,
    stage=1,
    total_stages=1,
    run=3,
    correlation_id="corr-1",
    created_at=NOW,
    updated_at=NOW,
)
ONE = WorkParameters(number=1)


@pytest.fixture
def planned(make_system: Callable[..., FakeSystem]) -> Callable[..., Any]:
    """What follows from a plan for stage 1."""

    def planned(plan: object, **options: Any) -> Any:
        system = make_system(job_type(stage(planning(plan), **options)), handlers())
        return system.planner.plan(JOB, 1, {})

    return planned


def test_a_stage_opens_with_the_tasks_of_the_plan_in_their_order(planned: Callable[..., OpenStage]) -> None:
    step = planned(StagePlan.of(work(3)))
    assert [task.index for task in step.tasks] == ["0", "1", "2"]
    assert step.tasks[2].parameters == {"number": 2}
    assert step.tasks[2].task_id == task_id_of(JOB.job_id, 3, 1, "2")


def test_a_stage_opens_with_the_policies_of_its_definition_and_its_handler(
    planned: Callable[..., OpenStage],
) -> None:
    step = planned(StagePlan.of(work(1)), max_parallel_tasks=7, failure=TOLERANT)
    assert (step.job_id, step.run, step.stage, step.task_type) == (JOB.job_id, 3, 1, "work")
    assert (step.max_parallel_tasks, step.failure, step.retry.attempts) == (7, TOLERANT, 3)
    assert (step.lease.total_seconds(), step.task_timeout.total_seconds()) == (120, 1500)


def test_tasks_may_come_from_a_generator(planned: Callable[..., OpenStage]) -> None:
    assert len(planned(StagePlan(tasks=(task for task in work(3)))).tasks) == 3


def test_a_plan_may_complete_the_job(planned: Callable[..., FinishJob]) -> None:
    step = planned(StagePlan.complete_job())
    assert (step.status, step.result) == (JobStatus.COMPLETED, {"tasks": []})


def test_a_plan_may_fail_the_job(planned: Callable[..., FinishJob]) -> None:
    step = planned(StagePlan.fail_job("too large"))
    assert step.status is JobStatus.FAILED
    assert step.error is not None
    assert (step.error.code, step.error.stage) == ("JOB_FAILED_BY_CONTROLLER", 1)


def broken_generator() -> Iterator[TaskDefinition]:
    yield from work(1)
    raise LookupError("no more")


@pytest.mark.parametrize(
    ("plan", "contract", "expected"),
    [
        (None, "StagePlan", "a StagePlan"),
        (work(1), "StagePlan", "a StagePlan"),
        (StagePlan(OrchestrationAction.RETRY_STAGE), "StagePlan", "create_tasks, complete_job or fail_job"),
        (StagePlan(tasks=None), "controller function", "a value, not TypeError"),
        (StagePlan(tasks=broken_generator()), "controller function", "not LookupError"),
        (StagePlan(tasks=[ONE]), "StagePlan", "TaskDefinitions"),
        (StagePlan(tasks=[*work(1), *work(1)]), "StagePlan", "one task with the index '0', not two"),
        (StagePlan(tasks=[TaskDefinition("", ONE)]), "TaskDefinition", "1 to 1,000 characters"),
        (StagePlan(tasks=[TaskDefinition("x" * 1_001, ONE)]), "TaskDefinition", "1 to 1,000 characters"),
        (StagePlan(tasks=[TaskDefinition("a\0b", ONE)]), "TaskDefinition", "without U+0000"),
        (StagePlan(tasks=[TaskDefinition("\ud800", ONE)]), "TaskDefinition", "lone surrogates"),
        (StagePlan(tasks=[TaskDefinition(5, ONE)]), "TaskDefinition", "an index"),
        (
            StagePlan(tasks=[TaskDefinition("0", DecidingResult.model_construct())]),
            "WorkParameters",
            "WorkParameters, not DecidingResult",
        ),
        (
            StagePlan(tasks=[TaskDefinition("0", WorkParameters.model_construct(number=object()))]),
            "WorkParameters",
            "JSON",
        ),
    ],
)
def test_a_plan_that_breaks_its_contract_is_refused_by_name(
    planned: Callable[..., Any], plan: object, contract: str, expected: str
) -> None:
    with pytest.raises(ContractViolationError) as caught:
        planned(plan)
    assert caught.value.contract == contract
    assert caught.value.producer == "trial.working.plan"
    assert expected in caught.value.expected


def test_indexes_that_look_alike_are_different_tasks(planned: Callable[..., OpenStage]) -> None:
    tasks = [TaskDefinition(index, ONE) for index in ("a_b", "a-b", "A_B", "a.b")]
    assert len({task.task_id for task in planned(StagePlan.of(tasks)).tasks}) == 4
