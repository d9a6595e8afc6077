"""What the queue alone allows: the same messages sent, received and deleted, with nothing in between."""

import json
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from azure.storage.queue import QueueClient, QueueMessage, TextBase64DecodePolicy

from repositories.storage_connection import StorageConnection
from repositories.storage_queue import StorageQueueRepository
from schema.identity import job_id_of, task_id_of
from schema.messages import TaskQueueMessage
from schema.queues import TASK_QUEUE


class RawQueue:
    """Keeps the queue ``depth`` messages deep: each one handled sends the next, until ``total`` are sent."""

    def __init__(self, connection: StorageConnection, total: int, depth: int) -> None:
        self._senders = StorageQueueRepository(connection)
        self._queue: QueueClient = connection.queue_service().get_queue_client(
            TASK_QUEUE, message_decode_policy=TextBase64DecodePolicy()
        )
        self._total = total
        self._depth = min(depth, total)
        self._lock = threading.Lock()
        self._sent = 0
        self._done = 0
        self._error: BaseException | None = None
        self._slots = threading.Semaphore(0)

    def run(self, batch: int, concurrency: int) -> float:
        """Messages a second, from the first receive to the last delete."""
        self._senders.ensure_queues()
        with ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(lambda _: self._send_next(), range(self._depth)))
            started = time.perf_counter()
            free = concurrency
            while self._done < self._total and self._error is None:
                while free < batch:
                    self._slots.acquire()
                    free += 1
                if self._done >= self._total:
                    break
                for message in self._queue.receive_messages(
                    messages_per_page=batch, max_messages=batch, visibility_timeout=600, timeout=15
                ):
                    free -= 1
                    pool.submit(self._handle, message).add_done_callback(self._check)
            if self._error is not None:
                raise self._error
            return self._total / (time.perf_counter() - started)

    def _check(self, handled: Future[None]) -> None:
        self._error = self._error or handled.exception()
        self._slots.release()

    def _handle(self, message: QueueMessage) -> None:
        self._send_next()
        self._queue.delete_message(message, timeout=15)
        with self._lock:
            self._done += 1

    def _send_next(self) -> None:
        with self._lock:
            if self._sent >= self._total:
                return
            number, self._sent = self._sent, self._sent + 1
        self._senders.send(_message(number))


def _message(number: int) -> TaskQueueMessage:
    job_id = job_id_of("raw", {})
    return TaskQueueMessage(
        job_id=job_id,
        run=1,
        stage=1,
        correlation_id="0" * 32,
        task_id=task_id_of(job_id, 1, 1, str(number)),
        attempt=1,
    )


def main() -> None:
    connection_string, total, depth, batch, concurrency = sys.argv[1:]
    connection = StorageConnection(connection_string)
    rate = RawQueue(connection, int(total), int(depth)).run(int(batch), int(concurrency))
    connection.close()
    print(json.dumps({"messages_per_second": round(rate, 1)}))


if __name__ == "__main__":
    main()
