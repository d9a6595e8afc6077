"""What the outbox holds is sent and forgotten; what cannot be sent stays."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from orchestration.relay import OutboxRelay, message_of
from schema.messages import JobQueueMessage, TaskQueueMessage
from schema.queues import JOB_QUEUE, TASK_QUEUE
from schema.records import NewJob, OutboxKind, OutboxRecord
from tests.fakes.clock import FakeClock
from tests.fakes.database import FakeDatabase
from tests.fakes.jobs import FakeJobRepository
from tests.fakes.outbox import FakeOutboxRepository
from tests.fakes.queues import FakeQueueRepository
from tests.support.system import FakeSystem

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(clock: FakeClock) -> FakeDatabase:
    return FakeDatabase(clock)


@pytest.fixture
def queue(clock: FakeClock) -> FakeQueueRepository:
    return FakeQueueRepository(clock)


@pytest.fixture
def make_relay(database: FakeDatabase, queue: FakeQueueRepository) -> Iterator[Callable[..., OutboxRelay]]:
    made: list[OutboxRelay] = []

    def make(batch: int = 1) -> OutboxRelay:
        made.append(OutboxRelay(FakeOutboxRepository(database), queue, concurrency=4, batch=batch))
        return made[-1]

    yield make
    for relay in made:
        relay.close()


@pytest.fixture
def relay(make_relay: Callable[..., OutboxRelay]) -> OutboxRelay:
    """Forgets each row at once."""
    return make_relay()


def submitted(database: FakeDatabase, count: int) -> list[OutboxRecord]:
    """The messages of so many new jobs, claimed for their submitter."""
    jobs = FakeJobRepository(database)
    return [
        row
        for number in range(count)
        for row in jobs.submit(NewJob(f"{number:064x}", "trial", {}, 1, "corr-1")).outbox
    ]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_rows_are_sent_and_forgotten(
    relay: OutboxRelay, database: FakeDatabase, queue: FakeQueueRepository, count: int
) -> None:
    assert relay.dispatch(submitted(database, count)) == count
    assert len(queue.messages) == count
    assert database.tables.outbox == {}


def test_a_row_goes_to_its_queue_with_what_is_left_of_its_delay(
    relay: OutboxRelay, queue: FakeQueueRepository, clock: FakeClock
) -> None:
    task_id = "aaaaaaaa-r1-s1-0-" + "b" * 32
    row = OutboxRecord(
        outbox_id=1,
        kind=OutboxKind.TASK,
        job_id="a" * 64,
        run=1,
        stage=1,
        task_id=task_id,
        attempt=2,
        correlation_id="corr-1",
        traceparent=TRACE,
        delay_seconds=30,
    )
    relay.dispatch([row])
    (message,) = queue.messages.values()
    assert (message.queue, queue.visible()) == (TASK_QUEUE, [])
    clock.advance(30)
    assert queue.visible() == [message]
    assert TaskQueueMessage.model_validate_json(message.body) == message_of(row)


def test_a_job_s_message_carries_ids_only(database: FakeDatabase) -> None:
    (row,) = submitted(database, 1)
    message = message_of(row)
    assert isinstance(message, JobQueueMessage)
    assert message.model_dump(exclude_none=True) == {
        "schema_version": 1,
        "job_id": "0" * 64,
        "run": 1,
        "stage": 1,
        "correlation_id": "corr-1",
    }


def test_sent_rows_are_forgotten_together(
    make_relay: Callable[..., OutboxRelay], database: FakeDatabase
) -> None:
    relay = make_relay(batch=3)
    rows = submitted(database, 3)
    relay.dispatch(rows[:2])
    assert len(database.tables.outbox) == 3
    relay.dispatch(rows[2:])
    assert database.tables.outbox == {}


def test_rows_of_an_unfinished_batch_are_forgotten_after_a_while(
    make_relay: Callable[..., OutboxRelay],
    database: FakeDatabase,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    make_relay(batch=100).dispatch(submitted(database, 2))
    wait_until(lambda: not database.tables.outbox)


def test_closing_forgets_what_was_sent(
    make_relay: Callable[..., OutboxRelay], database: FakeDatabase
) -> None:
    relay = make_relay(batch=100)
    relay.dispatch(submitted(database, 2))
    relay.close()
    assert database.tables.outbox == {}


def test_rows_stay_while_the_queue_is_away(
    relay: OutboxRelay, database: FakeDatabase, queue: FakeQueueRepository, caplog: pytest.LogCaptureFixture
) -> None:
    queue.outage = True
    with caplog.at_level(logging.WARNING):
        assert relay.dispatch(submitted(database, 2)) == 0
    assert len(database.tables.outbox) == 2
    assert "a message could not be sent and stays in the outbox" in caplog.messages


def test_draining_takes_up_what_stayed_once_its_claim_has_run_out(
    relay: OutboxRelay, database: FakeDatabase, queue: FakeQueueRepository, clock: FakeClock
) -> None:
    queue.outage = True
    relay.dispatch(submitted(database, 2))
    queue.outage = False
    assert relay.drain() == 0
    clock.advance(61)
    assert relay.drain() == 2
    assert len(queue.messages) == 2


def test_draining_sends_page_after_page(
    relay: OutboxRelay, database: FakeDatabase, queue: FakeQueueRepository, clock: FakeClock
) -> None:
    submitted(database, 600)
    clock.advance(61)
    assert relay.drain() == 600
    assert (len(queue.messages), database.tables.outbox) == (600, {})


def test_draining_stops_where_nothing_can_be_sent(
    relay: OutboxRelay, database: FakeDatabase, queue: FakeQueueRepository, clock: FakeClock
) -> None:
    submitted(database, 600)
    clock.advance(61)
    queue.outage = True
    assert relay.drain() == 0
    unclaimed = [row for row in database.tables.outbox.values() if row.claimed_until < clock.now()]
    assert len(unclaimed) == 600 - 256


def test_rows_that_cannot_be_forgotten_are_sent_again(
    relay: OutboxRelay,
    database: FakeDatabase,
    queue: FakeQueueRepository,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = submitted(database, 1)
    database.away = True
    with caplog.at_level(logging.WARNING):
        assert relay.dispatch(rows) == 1
    assert "sent messages could not be forgotten" in caplog.messages
    database.away = False
    clock.advance(61)
    assert relay.drain() == 1
    assert (len(queue.messages), database.tables.outbox) == (2, {})


def test_a_row_that_is_no_message_keeps_no_other_from_being_sent(
    relay: OutboxRelay, database: FakeDatabase, queue: FakeQueueRepository
) -> None:
    first, second = submitted(database, 2)
    broken = first.model_copy(update={"correlation_id": "not well formed"})
    assert relay.dispatch([broken, second]) == 1
    assert [message.queue for message in queue.messages.values()] == [JOB_QUEUE]
    assert list(database.tables.outbox) == [first.outbox_id]


def test_a_delay_that_is_over_is_none(database: FakeDatabase, clock: FakeClock) -> None:
    submitted(database, 1)
    (row,) = database.tables.outbox.values()
    clock.advance(100)
    assert database.outbox_record(replace(row)).delay_seconds == 0


def test_a_closed_relay_leaves_messages_to_others(system: FakeSystem) -> None:
    system.relay.close()
    system.submit("trial", {})
    assert system.queue.visible() == []
    assert len(system.database.tables.outbox) == 1
