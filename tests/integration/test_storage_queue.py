"""What the contract suite does not see of the storage queues: the wire, the clients, a stumbling service."""

import base64
import http.server
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.queue import QueueClient

from repositories.storage_connection import StorageConnection
from repositories.storage_queue import StorageQueueRepository
from schema.errors import ConfigurationError, QueueUnavailableError
from schema.identity import job_id_of
from schema.messages import JobQueueMessage
from schema.queues import JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from tests.support.services import StorageAccount

POISON = TASK_QUEUE + POISON_SUFFIX
MESSAGE = JobQueueMessage(job_id=job_id_of("wire", {}), run=1, stage=1, correlation_id="corr-1")
_SENT = (
    b'<?xml version="1.0"?><QueueMessagesList><QueueMessage><MessageId>1</MessageId>'
    b"<PopReceipt>r</PopReceipt></QueueMessage></QueueMessagesList>"
)


class StumblingServer(http.server.ThreadingHTTPServer):
    """Answers 503 so many times, then as a queue does."""

    daemon_threads = True

    def __init__(self, failures: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.failures = failures
        self.asked = 0

    def connection(self) -> StorageConnection:
        key = base64.b64encode(b"k" * 32).decode()
        return StorageConnection(
            f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key};"
            f"QueueEndpoint=http://127.0.0.1:{self.server_port}/a;"
        )


class _Handler(http.server.BaseHTTPRequestHandler):
    server: StumblingServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.asked += 1
        failed = self.server.asked <= self.server.failures
        body = b"" if failed else _SENT
        self.send_response(503 if failed else 201)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 -- the base class has it so
        return


@pytest.fixture
def stumbling(request: pytest.FixtureRequest) -> Iterator[StumblingServer]:
    server = StumblingServer(request.param)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("stumbling", [1], indirect=True)
def test_a_passing_fault_of_the_service_is_met_with_another_try(stumbling: StumblingServer) -> None:
    connection = stumbling.connection()
    StorageQueueRepository(connection).send(MESSAGE)
    connection.close()
    assert stumbling.asked == 2


@pytest.mark.parametrize("stumbling", [1_000], indirect=True)
def test_a_lasting_fault_is_reported_without_address_or_key(stumbling: StumblingServer) -> None:
    connection = stumbling.connection()
    with pytest.raises(QueueUnavailableError) as raised:
        StorageQueueRepository(connection).send(MESSAGE)
    connection.close()
    assert "127.0.0.1" not in str(raised.value)
    assert stumbling.asked == 4


def test_messages_travel_in_base64(storage_account: StorageAccount, storage: StorageConnection) -> None:
    StorageQueueRepository(storage).send(MESSAGE)
    with QueueClient.from_connection_string(storage_account.connection_string, JOB_QUEUE) as raw:
        content = raw.peek_messages(1)[0].content
    assert JobQueueMessage.model_validate_json(base64.b64decode(content, validate=True)) == MESSAGE


class TestReceiving:
    @pytest.fixture
    def queue(self, storage: StorageConnection) -> StorageQueueRepository:
        queue = StorageQueueRepository(storage)
        queue.ensure_queues()
        return queue

    @pytest.mark.parametrize(
        ("content", "body"),
        [
            (base64.b64encode(b"\xff{}").decode(), b"\xff{}"),
            ('{"plain": "text"}', b'{"plain": "text"}'),
            ("%%% no base64 \N{SNOWMAN}", "%%% no base64 \N{SNOWMAN}".encode()),
        ],
    )
    def test_what_it_says_is_received_whatever_its_encoding(
        self, queue: StorageQueueRepository, storage_account: StorageAccount, content: str, body: bytes
    ) -> None:
        with QueueClient.from_connection_string(storage_account.connection_string, POISON) as raw:
            raw.send_message(content)
        (received,) = queue.receive(POISON, 32)
        assert (received.queue, received.body, received.dequeue_count) == (POISON, body, 1)

    def test_no_more_are_taken_than_asked_for_and_none_twice(
        self, queue: StorageQueueRepository, storage_account: StorageAccount
    ) -> None:
        with QueueClient.from_connection_string(storage_account.connection_string, POISON) as raw:
            for number in range(5):
                raw.send_message(f"{{{number}}}")
        taken = [queue.receive(POISON, 3), queue.receive(POISON, 100), queue.receive(POISON, 32)]
        assert [len(messages) for messages in taken] == [3, 2, 0]

    def test_one_that_is_deleted_is_gone_and_deleting_it_again_is_no_error(
        self, queue: StorageQueueRepository, storage_account: StorageAccount
    ) -> None:
        with QueueClient.from_connection_string(storage_account.connection_string, POISON) as raw:
            raw.send_message("{}")
            (received,) = queue.receive(POISON, 32)
            queue.delete(received)
            queue.delete(received)
            assert raw.get_queue_properties().approximate_message_count == 0

    def test_a_queue_that_is_not_there_holds_nothing(self, storage: StorageConnection) -> None:
        assert StorageQueueRepository(storage).receive(POISON, 32) == []


def test_a_process_makes_one_client_for_each_queue_and_says_so_once(
    storage: StorageConnection, caplog: pytest.LogCaptureFixture
) -> None:
    queue = StorageQueueRepository(storage)
    with caplog.at_level(logging.INFO), ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: queue.send(MESSAGE), range(64)))
    made = [record.message for record in caplog.records if record.message.endswith("client made")]
    assert sorted(made) == ["queue client made", "storage client made"]


def test_messages_never_expire_by_themselves(
    storage_account: StorageAccount, storage: StorageConnection
) -> None:
    StorageQueueRepository(storage).send(MESSAGE)
    with QueueClient.from_connection_string(storage_account.connection_string, JOB_QUEUE) as raw:
        expires = raw.peek_messages(1)[0].expires_on
    assert expires is not None
    assert expires.year > 9_000


def test_a_connection_string_that_is_none_is_a_configuration_error() -> None:
    connection = StorageConnection("not a connection string")
    with pytest.raises(ConfigurationError, match="AzureWebJobsStorage"):
        connection.queue_service()
