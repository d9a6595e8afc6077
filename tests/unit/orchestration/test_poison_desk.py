"""What operators may do about messages nobody could use."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from interfaces.queues import ReceivedMessage
from orchestration.intake import Delivery
from orchestration.poison_desk import PoisonDesk
from schema.errors import DeadLetterNotFoundError, JobStateConflictError, QueueUnavailableError
from schema.messages import JobQueueMessage, TaskQueueMessage
from schema.queues import JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from schema.records import Verdict
from schema.states import TaskStatus
from tests.fakes.queues import FakeQueueRepository
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import WorkResult, only_task, run

MakeSystem = Callable[..., FakeSystem]


class PoisonedQueue(FakeQueueRepository):
    """Gives out what it was given, by queue."""

    def __init__(self, system: FakeSystem, **bodies: Sequence[bytes]) -> None:
        super().__init__(system.clock)
        self.left = {
            queue + POISON_SUFFIX: [
                ReceivedMessage(queue + POISON_SUFFIX, f"{queue}-{number}", body, 1, "r")
                for number, body in enumerate(bodies.get(kind, ()))
            ]
            for kind, queue in (("jobs", JOB_QUEUE), ("tasks", TASK_QUEUE))
        }
        self.deleted: list[str] = []

    def receive(self, queue: str, limit: int) -> Sequence[ReceivedMessage]:
        taken, self.left[queue] = self.left[queue][:limit], self.left[queue][limit:]
        return taken

    def delete(self, message: ReceivedMessage) -> None:
        self.deleted.append(message.message_id)


def desk_of(system: FakeSystem, queue: FakeQueueRepository | None = None) -> PoisonDesk:
    return PoisonDesk(
        letters=system.repositories.dead_letters,
        jobs=system.repositories.jobs,
        tasks=system.repositories.tasks,
        queue=queue or system.queue,
        handler=system.poison,
    )


def on_record(system: FakeSystem, body: bytes, queue: str = TASK_QUEUE) -> int:
    """The number of the dead letter of a message that was judged."""
    system.poison.handle(Delivery(queue, f"m-{len(body)}", body, 1))
    return system.repositories.dead_letters.list(1)[0].dead_letter_id


class TestProcess:
    def test_both_queues_are_judged_and_emptied(self, system: FakeSystem) -> None:
        queue = PoisonedQueue(system, jobs=[b"one"], tasks=[b"two", b"three"])
        assert desk_of(system, queue).process() == {Verdict.UNKNOWN: 3}
        assert sorted(queue.deleted) == [f"{JOB_QUEUE}-0", f"{TASK_QUEUE}-0", f"{TASK_QUEUE}-1"]
        letters = system.repositories.dead_letters.list(10)
        assert {letter.queue for letter in letters} == {JOB_QUEUE, TASK_QUEUE}

    def test_empty_queues_are_no_work(self, system: FakeSystem) -> None:
        assert desk_of(system, PoisonedQueue(system)).process() == {}

    def test_it_stops_after_a_thousand(self, system: FakeSystem) -> None:
        queue = PoisonedQueue(system, tasks=[str(number).encode() for number in range(1_100)])
        (count,) = desk_of(system, queue).process().values()
        assert 1_000 <= count < 1_100

    def test_one_that_could_not_be_judged_is_not_deleted(self, system: FakeSystem) -> None:
        queue = PoisonedQueue(system, jobs=[b"one"])
        system.database.away = True
        with pytest.raises(Exception, match="away"):
            desk_of(system, queue).process()
        assert queue.deleted == []


class TestReplay:
    def test_a_waiting_task_gets_the_message_that_is_due(self, started: MakeSystem) -> None:
        system = started(lambda *_: WorkResult(number=1))
        task = only_task(system)
        number = on_record(system, b"nonsense")
        row = next(iter(system.database.tables.dead_letters.values()))
        _name(system, row, task.job_id, task.task_id)
        message = desk_of(system).replay(number)
        assert isinstance(message, TaskQueueMessage)
        assert (message.task_id, message.attempt) == (task.task_id, task.attempt + 1)
        assert system.queue.visible()[-1].body == message.model_dump_json(exclude_none=True).encode()

    def test_replayed_work_runs_once(self, started: MakeSystem) -> None:
        calls: list[int] = []
        system = started(lambda *_: calls.append(1) or WorkResult(number=1))
        task = only_task(system)
        number = on_record(system, b"nonsense")
        _name(system, next(iter(system.database.tables.dead_letters.values())), task.job_id, task.task_id)
        desk_of(system).replay(number)
        system.run_until_quiet()
        assert calls == [1]

    def test_an_active_job_is_looked_at_again(self, started: MakeSystem) -> None:
        system = started(lambda *_: WorkResult(number=1))
        number = on_record(system, b"nonsense", JOB_QUEUE)
        (job,) = system.database.tables.jobs.values()
        _name(system, next(iter(system.database.tables.dead_letters.values())), job.job_id, None)
        message = desk_of(system).replay(number)
        assert isinstance(message, JobQueueMessage)
        assert (message.job_id, message.run, message.stage) == (job.job_id, job.run, job.stage)

    def test_it_is_noted(self, started: MakeSystem) -> None:
        system = started(lambda *_: WorkResult(number=1))
        number = on_record(system, _intact())
        assert system.repositories.dead_letters.get(number).replayed_at is None  # type: ignore[union-attr]
        desk_of(system).replay(number)
        assert system.repositories.dead_letters.get(number).replayed_at is not None  # type: ignore[union-attr]

    def test_a_message_that_is_whole_is_sent_as_it_is(self, system: FakeSystem) -> None:
        number = on_record(system, _intact())
        message = desk_of(system).replay(number)
        assert message == TaskQueueMessage.model_validate_json(_intact())

    def test_work_that_has_ended_is_not_sent_again(self, started: MakeSystem) -> None:
        system = started(lambda *_: WorkResult(number=1))
        run(system)
        task = only_task(system)
        number = on_record(system, f"x {task.task_id}".encode())
        with pytest.raises(JobStateConflictError, match="retry or re-run its job instead"):
            desk_of(system).replay(number)
        assert only_task(system).status is TaskStatus.COMPLETED

    def test_what_names_nothing_cannot_be_sent(self, system: FakeSystem) -> None:
        number = on_record(system, b"nonsense")
        with pytest.raises(JobStateConflictError, match=f"dead letter {number} names no work that waits"):
            desk_of(system).replay(number)

    def test_one_that_could_not_be_sent_is_not_noted(self, system: FakeSystem) -> None:
        number = on_record(system, _intact())
        system.queue.outage = True
        with pytest.raises(QueueUnavailableError):
            desk_of(system).replay(number)
        assert system.repositories.dead_letters.get(number).replayed_at is None  # type: ignore[union-attr]

    def test_an_unknown_number_is_not_found(self, system: FakeSystem) -> None:
        with pytest.raises(DeadLetterNotFoundError, match="no dead letter has the number 7"):
            desk_of(system).replay(7)


class TestDispose:
    def test_it_is_noted_and_the_row_stays(self, system: FakeSystem) -> None:
        number = on_record(system, b"nonsense")
        desk_of(system).dispose(number)
        (letter,) = desk_of(system).list(10)
        assert letter.disposed_at is not None

    def test_an_unknown_number_is_not_found(self, system: FakeSystem) -> None:
        with pytest.raises(DeadLetterNotFoundError):
            desk_of(system).dispose(7)


def test_the_list_is_newest_first_and_goes_on_where_it_ended(system: FakeSystem) -> None:
    numbers = [on_record(system, b"x" * size) for size in range(1, 5)]
    desk = desk_of(system)
    assert [letter.dead_letter_id for letter in desk.list(2)] == [numbers[3], numbers[2]]
    assert [letter.dead_letter_id for letter in desk.list(2, before=numbers[2])] == [numbers[1], numbers[0]]


def _intact() -> bytes:
    """A whole message of a task that is not there."""
    task_id = f"{'b' * 8}-r1-s1-0-{'c' * 32}"
    fields = {"job_id": "b" * 64, "run": 1, "stage": 1, "task_id": task_id, "attempt": 1}
    return json.dumps({**fields, "correlation_id": "corr-1"}).encode()


def _name(system: FakeSystem, row: Any, job_id: str, task_id: str | None) -> None:
    """As if the message had named this job and task when it was put on record."""
    letter = replace(row.letter, job_id=job_id, task_id=task_id)
    system.database.tables.dead_letters[letter.queue, letter.message_id] = replace(row, letter=letter)
