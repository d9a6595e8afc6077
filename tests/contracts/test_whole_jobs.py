"""Jobs from their submission to their end, over the fake repositories and the real ones."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from schema.results import StageResultContract
from schema.states import JobStatus, StageStatus
from schema.workflow import AllStages, StageDefinition, StagePlan, TaskDefinition
from tests.fakes.queues import FakeQueueRepository
from tests.support.system import System
from tests.support.worlds import World
from tests.unit.orchestration.trial import (
    OTHER,
    OtherParameters,
    WorkParameters,
    ended,
    handlers,
    job_type,
    planning,
    stage,
)

ONE = WorkParameters(number=1)
NOTHING = stage(planning(StagePlan.of([])))
MIXED = StagePlan.of(
    [
        TaskDefinition("work", WorkParameters(number=1)),
        TaskDefinition("other", OtherParameters(text="x")),
        TaskDefinition("more work", WorkParameters(number=2)),
    ]
)


@pytest.fixture
def make_system(world: World) -> Iterator[Callable[..., System]]:
    made: list[System] = []

    def make(*stages: StageDefinition[Any]) -> System:
        queue = FakeQueueRepository(world.clock)
        made.append(System(job_type(*stages), handlers(), world.use, queue, world.clock))
        return made[-1]

    yield make
    for system in made:
        system.close()


def test_a_job_goes_on_behind_a_stage_of_no_tasks(make_system: Callable[..., System]) -> None:
    system = make_system(stage(), NOTHING, stage())
    job = ended(system)
    assert (job.status, job.result) == (JobStatus.COMPLETED, {"tasks": [2, 0, 2]})
    stages = system.repositories.stages.list(job.job_id, 1)
    assert [(row.status, row.expected) for row in stages] == [
        (StageStatus.COMPLETED, 2),
        (StageStatus.COMPLETED, 0),
        (StageStatus.COMPLETED, 2),
    ]


def test_each_task_of_a_mixed_stage_is_run_by_the_handler_of_its_type(
    make_system: Callable[..., System],
) -> None:
    system = make_system(stage(planning(MIXED), alternatives=(OTHER,)))
    job = ended(system)
    assert job.status is JobStatus.COMPLETED
    tasks = list(system.repositories.stages.task_results(job.job_id, 1, 1))
    assert [(task.task_type, task.result) for task in tasks] == [
        ("work", {"number": 1, "processed_items": 1}),
        ("other", {"text": "x"}),
        ("work", {"number": 2, "processed_items": 1}),
    ]


def test_a_plan_sees_what_a_stage_before_the_previous_one_left(make_system: Callable[..., System]) -> None:
    def plan(_: Any, results: Mapping[int, StageResultContract]) -> StagePlan:
        assert sorted(results) == [1, 2]
        return StagePlan.of([TaskDefinition(task.task_index, ONE) for task in results[1].task_results])

    system = make_system(stage(planning(MIXED), alternatives=(OTHER,)), NOTHING, stage(AllStages(plan)))
    job = ended(system)
    assert (job.status, job.result) == (JobStatus.COMPLETED, {"tasks": [3, 0, 3]})
