"""Which values are too large for a row, where they go, and that who reads them never knows the difference."""

from typing import Any

import pytest

from orchestration.payloads import MAX_INLINE_BYTES, Payloads
from schema.errors import BlobUnavailableError
from schema.json_types import JSONObject
from schema.records import FinishJob, ReopenStage
from schema.states import JobStatus, TaskStatus
from schema.workflow import StagePlan
from tests.fakes.payloads import FakePayloadStore
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    WorkResult,
    ended,
    handlers,
    job_type,
    planning,
    result_of,
    stage,
    work,
)

JOB = "a" * 64
SMALL: JSONObject = {"a": 1}
LARGE: JSONObject = {"text": "x" * 100}


@pytest.fixture
def store() -> FakePayloadStore:
    return FakePayloadStore()


@pytest.fixture
def payloads(store: FakePayloadStore) -> Payloads:
    return Payloads(store, limit=50)


class TestKept:
    def test_a_small_value_stays(self, payloads: Payloads, store: FakePayloadStore) -> None:
        assert payloads.kept(JOB, "one", SMALL) == (SMALL, None)
        assert store.values == {}

    def test_a_large_value_is_stored_under_its_job(self, payloads: Payloads) -> None:
        value, reference = payloads.kept(JOB, "one", LARGE)
        assert value is None
        assert reference is not None
        assert reference.startswith(f"{JOB}/one-")
        assert payloads.found(value, reference) == LARGE

    @pytest.mark.parametrize(("length", "inline"), [(50, True), (51, False)])
    def test_the_limit_is_that_of_the_json_in_bytes(
        self, payloads: Payloads, length: int, inline: bool
    ) -> None:
        value, _ = payloads.kept(JOB, "one", {"t": "x" * (length - len('{"t":""}'))})
        assert (value is not None) is inline

    def test_characters_count_as_the_bytes_they_take(self, payloads: Payloads) -> None:
        assert payloads.kept(JOB, "one", {"t": "\N{SNOWMAN}" * 20})[0] is None

    def test_another_value_never_replaces_one_that_is_there(self, payloads: Payloads) -> None:
        """A process that is late with the same step must not change what the row refers to by now."""
        references = [payloads.kept(JOB, "one", {**LARGE, "n": number})[1] for number in range(2)]
        assert len(set(references)) == 2
        found = [payloads.found(None, reference) for reference in references]
        assert [value and value["n"] for value in found] == [0, 1]

    def test_the_same_value_again_takes_no_more_room(
        self, payloads: Payloads, store: FakePayloadStore
    ) -> None:
        assert len({payloads.kept(JOB, "one", LARGE)[1] for _ in range(3)}) == 1
        assert len(store.values) == 1

    def test_a_store_that_is_away_is_no_small_matter(
        self, payloads: Payloads, store: FakePayloadStore
    ) -> None:
        store.away = True
        with pytest.raises(BlobUnavailableError):
            payloads.kept(JOB, "one", LARGE)

    def test_what_is_in_the_row_needs_no_store(self, payloads: Payloads, store: FakePayloadStore) -> None:
        store.away = True
        assert payloads.found(SMALL, None) == SMALL
        assert payloads.found(None, None) is None

    def test_a_row_holds_up_to_a_megabyte(self) -> None:
        assert MAX_INLINE_BYTES == 1_000_000


class TestSteps:
    def test_a_large_job_result_goes_to_the_store(self, payloads: Payloads) -> None:
        step = payloads.step(FinishJob(JOB, 2, JobStatus.COMPLETED, LARGE))
        assert isinstance(step, FinishJob)
        assert step.result is None
        assert step.result_ref is not None
        assert step.result_ref.startswith(f"{JOB}/r2-result-")

    @pytest.mark.parametrize(
        "step",
        [
            FinishJob(JOB, 1, JobStatus.COMPLETED, SMALL),
            FinishJob(JOB, 1, JobStatus.FAILED),
            ReopenStage(JOB, 1, 1),
        ],
    )
    def test_what_is_not_large_stays_as_it_is(self, payloads: Payloads, step: Any) -> None:
        assert payloads.step(step) == step


@pytest.fixture
def system() -> Any:
    systems: list[FakeSystem] = []

    def make(*arguments: Any, limit: int = 400) -> FakeSystem:
        systems.append(FakeSystem(*arguments, payload_limit=limit))
        return systems[-1]

    yield make
    for each in systems:
        each.close()


def large(number: int) -> WorkResult:
    return WorkResult(number=number, processed_items=1)


class TestThroughTheProtocol:
    def test_a_stage_s_large_result_keeps_its_counts_in_the_row(self, system: Any) -> None:
        system = system(job_type(stage(planning(_plan(5)))), handlers())
        job = ended(system)
        assert job.status is JobStatus.COMPLETED
        row = system.repositories.stages.get(job.job_id, 1, 1)
        assert row.result_ref.startswith(f"{job.job_id}/r1-s1-result-")
        assert (row.result.task_count, row.result.successful_tasks, row.result.task_results) == (5, 5, ())
        whole = system.payloads.stage_result(row.result, row.result_ref)
        assert [task.result_data["number"] for task in whole.task_results] == list(range(5))

    def test_the_next_stage_and_the_summary_get_the_whole_result(self, system: Any) -> None:
        seen: list[int] = []

        def second(_: Any, previous: Any) -> Any:
            seen.append(len(previous.task_results))
            return _plan(1)

        def summarize(_: Any, stages: Any) -> JSONObject:
            return {"tasks": [len(stages[number].task_results) for number in sorted(stages)]}

        system = system(job_type(stage(planning(_plan(5))), stage(second), summarize=summarize), handlers())
        job = ended(system)
        assert (seen, job.result) == ([5], {"tasks": [5, 1]})

    def test_a_large_task_result_is_read_by_later_tasks(self, system: Any) -> None:
        read: list[Any] = []

        def handler(parameters: Any, context: Any) -> WorkResult:
            if context.stage == 2:
                read.append((context.result_of(1, "0"), dict(context.results_of(1))))
            return large(7)

        system = system(
            job_type(stage(planning(_plan(1))), stage(planning(_plan(1)))), handlers(handler), limit=20
        )
        job = ended(system)
        assert job.status is JobStatus.COMPLETED
        assert read == [({"number": 7, "processed_items": 1}, {"0": {"number": 7, "processed_items": 1}})]
        tasks = list(system.database.tables.tasks.values())
        assert {(task.result, task.result_ref is not None) for task in tasks} == {(None, True)}

    def test_large_parameters_reach_the_handler(self, system: Any) -> None:
        got: list[int] = []

        def handler(parameters: Any, _: Any) -> WorkResult:
            got.append(parameters.number)
            return large(parameters.number)

        system = system(job_type(stage(planning(_plan(3)))), handlers(handler), limit=5)
        assert ended(system).status is JobStatus.COMPLETED
        assert sorted(got) == [0, 1, 2]
        tasks = list(system.database.tables.tasks.values())
        assert [(task.parameters, task.parameters_ref is None) for task in tasks] == [({}, False)] * 3

    def test_messages_know_nothing_of_it(self, system: Any) -> None:
        system = system(job_type(stage(planning(_plan(1)))), handlers(), limit=5)
        system.submit("trial", {})
        system.deliver(system.queue.visible()[0])
        (message,) = system.queue.visible()
        assert b"ref" not in message.body

    def test_a_store_that_is_away_costs_an_attempt_and_no_more(self, system: Any) -> None:
        system = system(job_type(stage(planning(_plan(1)))), handlers(), limit=20)
        system.submit("trial", {})
        system.deliver(system.queue.visible()[0])
        system.payload_store.away = True
        assert system.deliver(system.queue.visible()[0]) is None
        (task,) = system.database.tables.tasks.values()
        assert (task.status, task.error["code"]) == (TaskStatus.QUEUED, "BLOB_UNAVAILABLE")
        system.payload_store.away = False
        system.clock.advance(10)
        system.run_until_quiet()
        (job,) = system.database.tables.jobs.values()
        assert job.status is JobStatus.COMPLETED

    def test_a_small_stage_has_no_reference(self, system: Any) -> None:
        system = system(job_type(stage(planning(_plan(1)))), handlers(), limit=100_000)
        job = ended(system)
        assert len(result_of(system, job).task_results) == 1
        assert system.payload_store.values == {}


def _plan(n: int) -> Any:
    return StagePlan.of(work(n))
