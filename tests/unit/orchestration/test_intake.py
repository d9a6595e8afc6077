"""Each step of the queue boundary has its own error; what cannot be used is on record before it is lost."""

import hashlib
import json
import logging
from typing import Any

import pytest

from orchestration.intake import Delivery, MessageIntake, extract, parse
from schema.errors import (
    BlobUnavailableError,
    DatabaseUnavailableError,
    MessageError,
    MessageExtractionError,
    MessageLookupError,
    MessageParsingError,
    QueueUnavailableError,
    RetryableTaskError,
)
from schema.identity import task_id_of
from schema.messages import JobQueueMessage, TaskQueueMessage
from schema.records import DeadLetter
from tests.fakes.clock import FakeClock
from tests.fakes.database import FakeDatabase
from tests.fakes.dead_letters import FakeDeadLetterRepository
from tests.unit.orchestration.trial import raising

JOB_ID = "0123456789abcdef" * 4
TASK_ID = task_id_of(JOB_ID, 1, 2, "tile_x5_y10")
FIELDS: dict[str, Any] = {"job_id": JOB_ID, "run": 1, "stage": 2, "correlation_id": "corr-1"}


def body(**changes: Any) -> bytes:
    return json.dumps({"schema_version": 1, **FIELDS, **changes}).encode()


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase(FakeClock())


@pytest.fixture
def intake(database: FakeDatabase) -> MessageIntake:
    return MessageIntake(FakeDeadLetterRepository(database))


def refused(intake: MessageIntake, raw: bytes, error: type[MessageError], dequeue_count: int = 3) -> str:
    """The error's text of a message that is not handed over."""

    def handle(_: JobQueueMessage) -> None:
        raise AssertionError("handed over")

    with pytest.raises(error) as caught:
        intake.process(Delivery("geospatial-jobs", "m-1", raw, dequeue_count), JobQueueMessage, handle)
    return str(caught.value)


def letter(database: FakeDatabase) -> DeadLetter:
    (row,) = database.tables.dead_letters.values()
    return row.letter


class TestUsable:
    def test_a_job_message_is_handed_over(self, intake: MessageIntake, database: FakeDatabase) -> None:
        got: list[JobQueueMessage] = []
        intake.process(Delivery("geospatial-jobs", "m-1", body(), 1), JobQueueMessage, got.append)
        assert got == [JobQueueMessage(**FIELDS)]
        assert database.tables.dead_letters == {}

    def test_a_task_message_is_handed_over(self, intake: MessageIntake) -> None:
        got: list[TaskQueueMessage] = []
        raw = body(task_id=TASK_ID, attempt=3)
        intake.process(Delivery("geospatial-tasks", "m-1", raw, 1), TaskQueueMessage, got.append)
        assert got == [TaskQueueMessage(**FIELDS, task_id=TASK_ID, attempt=3)]

    def test_other_errors_of_the_processing_are_not_the_message_s(
        self, intake: MessageIntake, database: FakeDatabase
    ) -> None:
        def handle(_: JobQueueMessage) -> None:
            raise RetryableTaskError("later")

        with pytest.raises(RetryableTaskError):
            intake.process(Delivery("geospatial-jobs", "m-1", body(), 1), JobQueueMessage, handle)
        assert database.tables.dead_letters == {}


class TestOutages:
    """A server that is away is nobody's poison."""

    @pytest.mark.parametrize(
        "error",
        [DatabaseUnavailableError("away"), QueueUnavailableError("away"), BlobUnavailableError("away")],
    )
    @pytest.mark.parametrize("dequeue_count", [1, 4])
    def test_the_message_is_left_to_the_host_s_redelivery(
        self, intake: MessageIntake, database: FakeDatabase, error: Exception, dequeue_count: int
    ) -> None:
        with pytest.raises(type(error)):
            process(intake, raising(error), dequeue_count)
        assert database.tables.dead_letters == {}

    @pytest.mark.parametrize("dequeue_count", [5, 6])
    def test_at_the_last_delivery_it_is_let_go_as_the_sweep_sends_another(
        self,
        intake: MessageIntake,
        database: FakeDatabase,
        caplog: pytest.LogCaptureFixture,
        dequeue_count: int,
    ) -> None:
        with caplog.at_level(logging.WARNING):
            process(intake, raising(DatabaseUnavailableError("away")), dequeue_count)
        assert database.tables.dead_letters == {}
        (record,) = caplog.records
        assert record.message == "message was let go while a server is away"
        assert vars(record)["correlation_id"] == "corr-1"

    def test_how_many_deliveries_there_are_is_the_host_s_to_say(self, database: FakeDatabase) -> None:
        intake = MessageIntake(FakeDeadLetterRepository(database), max_dequeue_count=2)
        process(intake, raising(DatabaseUnavailableError("away")), 2)


class TestUnexpectedErrors:
    @pytest.mark.parametrize("dequeue_count", [1, 4])
    def test_one_is_no_news_while_it_may_go_well_next_time(
        self, intake: MessageIntake, database: FakeDatabase, dequeue_count: int
    ) -> None:
        with pytest.raises(KeyError):
            process(intake, raising(KeyError("secret")), dequeue_count)
        assert database.tables.dead_letters == {}

    def test_the_last_one_is_on_record_by_its_name_only(
        self, intake: MessageIntake, database: FakeDatabase
    ) -> None:
        """No message reaches the poison queue without a row that explains it."""
        with pytest.raises(KeyError):
            process(intake, raising(KeyError("secret")), 5)
        row = letter(database)
        assert (row.error_code, row.error) == ("MESSAGE_NOT_PROCESSED", "unexpected KeyError")
        assert (row.job_id, row.correlation_id, row.dequeue_count) == (JOB_ID, "corr-1", 5)

    def test_the_record_knows_its_copy_in_the_poison_queue(
        self, intake: MessageIntake, database: FakeDatabase
    ) -> None:
        with pytest.raises(KeyError):
            process(intake, raising(KeyError()), 5)
        assert letter(database).digest == hashlib.sha256(body()).hexdigest()


def process(intake: MessageIntake, handle: Any, dequeue_count: int) -> None:
    intake.process(Delivery("geospatial-jobs", "m-1", body(), dequeue_count), JobQueueMessage, handle)


class TestUnusable:
    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "the message is empty"),
            (b" \n\t", "the message is empty"),
            (b"x" * 65_537, "has 65537 bytes, more than a queue carries"),
            (b"\xff\xfe{}", "not UTF-8 text: invalid start byte"),
            (b'{"job_id": "\xed\xa0\x80"}', "not UTF-8 text"),
        ],
    )
    def test_what_is_no_text_is_not_extracted(
        self, intake: MessageIntake, database: FakeDatabase, raw: bytes, reason: str
    ) -> None:
        assert reason in refused(intake, raw, MessageExtractionError)
        assert letter(database).error_code == "MESSAGE_NOT_EXTRACTED"

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"{broken", "message: Invalid JSON"),
            (b"[]", "message: "),
            (b"null", "message: "),
            (b"[" * 5_000, "message: Invalid JSON"),
            (body(job_id="ABC"), "job_id: "),
            (body(run=0), "run: "),
            (body(stage="one"), "stage: "),
            (body(schema_version=2), "schema_version: "),
            (body(correlation_id="with spaces"), "correlation_id: "),
            (body(traceparent="00-xyz"), "traceparent: "),
            (body(payload={"n": 1}), "payload: "),
            (json.dumps({"job_id": JOB_ID}).encode(), "run: Field required; stage: Field required"),
        ],
    )
    def test_what_is_not_the_queue_s_message_is_not_parsed(
        self, intake: MessageIntake, database: FakeDatabase, raw: bytes, reason: str
    ) -> None:
        text = refused(intake, raw, MessageParsingError)
        assert text.startswith("not a JobQueueMessage: ")
        assert reason in text
        assert letter(database).error_code == "MESSAGE_NOT_PARSED"

    def test_what_names_nothing_that_is_there_is_on_record(
        self, intake: MessageIntake, database: FakeDatabase
    ) -> None:
        def handle(_: JobQueueMessage) -> None:
            raise MessageLookupError("no job has this id")

        with pytest.raises(MessageLookupError):
            intake.process(Delivery("geospatial-jobs", "m-1", body(), 1), JobQueueMessage, handle)
        assert (letter(database).error_code, letter(database).error) == (
            "MESSAGE_NOT_FOUND",
            "no job has this id",
        )


class TestRecord:
    def test_it_holds_all_that_is_known(self, intake: MessageIntake, database: FakeDatabase) -> None:
        raw = body(run="first")
        error = refused(intake, raw, MessageParsingError)
        assert letter(database) == DeadLetter(
            queue="geospatial-jobs",
            message_id="m-1",
            body=raw.decode(),
            size=len(raw),
            dequeue_count=3,
            error_code="MESSAGE_NOT_PARSED",
            error=error,
            job_id=JOB_ID,
            task_id=None,
            correlation_id="corr-1",
            digest=hashlib.sha256(raw).hexdigest(),
        )

    def test_it_holds_the_first_thousand_characters(
        self, intake: MessageIntake, database: FakeDatabase
    ) -> None:
        refused(intake, b"x" * 5_000, MessageParsingError)
        assert (len(letter(database).body), letter(database).size) == (1_000, 5_000)

    @pytest.mark.parametrize("raw", [b"\xff\0\xfe", b'{"\\u0000": 1}', b'{"\0": 1}', b'{"\\ud800": 1}'])
    def test_it_holds_nothing_that_a_text_column_does_not_take(
        self, intake: MessageIntake, database: FakeDatabase, raw: bytes
    ) -> None:
        refused(intake, raw, MessageError)
        for text in (letter(database).body, letter(database).error):
            assert "\0" not in text
            text.encode()

    def test_its_error_is_cut(self, intake: MessageIntake, database: FakeDatabase) -> None:
        refused(intake, json.dumps({f"field {n}": n for n in range(500)}).encode(), MessageParsingError)
        assert len(letter(database).error) == 1_000

    def test_a_redelivery_is_the_same_record(self, intake: MessageIntake, database: FakeDatabase) -> None:
        for count in (1, 2):
            refused(intake, b"{broken", MessageParsingError, dequeue_count=count)
        assert letter(database).dequeue_count == 2

    def test_a_database_that_is_away_does_not_hide_the_error(
        self, intake: MessageIntake, database: FakeDatabase, caplog: pytest.LogCaptureFixture
    ) -> None:
        database.away = True
        with caplog.at_level(logging.ERROR):
            refused(intake, b"{broken", MessageParsingError)
        assert caplog.messages == ["message could not be used", "message could not be put on record"]
        assert database.tables.dead_letters == {}


def test_the_log_holds_the_first_five_hundred_characters_and_the_facts(
    intake: MessageIntake, caplog: pytest.LogCaptureFixture
) -> None:
    raw = b'{"job_id": "' + JOB_ID.encode() + b'", ' + b"x" * 2_000
    with caplog.at_level(logging.ERROR):
        refused(intake, raw, MessageParsingError)
    (record,) = caplog.records
    facts = record.__dict__
    assert facts["body"] == raw.decode()[:500]
    assert (facts["size"], facts["dequeue_count"], facts["queue"]) == (len(raw), 3, "geospatial-jobs")
    assert (facts["message_id"], facts["job_id"]) == ("m-1", JOB_ID)
    assert (facts["error_code"], record.exc_info is not None) == ("MESSAGE_NOT_PARSED", True)


def test_extraction_and_parsing_are_steps_of_their_own() -> None:
    assert extract("ä".encode()) == "ä"
    assert parse(body().decode(), JobQueueMessage) == JobQueueMessage(**FIELDS)
