"""A queue in this process with threads that deliver its messages: what remains is the database's share."""

import logging
import queue
import threading
from collections.abc import Callable

from interfaces.queues import QueueDepth
from schema.messages import QueueMessage

_log = logging.getLogger(__name__)


class MemoryQueue:
    """Implements ``interfaces.queues.QueueRepository``; ``start`` begins delivery, ``close`` ends it."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[QueueMessage | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def send(self, message: QueueMessage, delay_seconds: float = 0.0) -> None:
        if delay_seconds <= 0:
            self._messages.put(message)
            return
        timer = threading.Timer(delay_seconds, self._messages.put, [message])
        timer.daemon = True
        timer.start()

    def ensure_queues(self) -> None:
        return

    def clear(self) -> None:
        return

    def depth(self, queue: str) -> QueueDepth:
        return QueueDepth(queue, self._messages.qsize())

    def depths(self) -> list[QueueDepth]:
        return [QueueDepth("memory", self._messages.qsize())]

    def start(self, deliver: Callable[[QueueMessage], None], threads: int) -> None:
        for _ in range(threads):
            thread = threading.Thread(target=self._deliver, args=[deliver])
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        for _ in self._threads:
            self._messages.put(None)
        for thread in self._threads:
            thread.join()

    def _deliver(self, deliver: Callable[[QueueMessage], None]) -> None:
        while (message := self._messages.get()) is not None:
            try:
                deliver(message)
            except Exception:  # noqa: BLE001 -- the loop that delivers: one bad message must not end it
                _log.exception("message failed")
