"""Queue triggers: one listener for each queue, with the fetching, retrying and giving up of the host."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from time import monotonic

from devhost.deliveries import Delivery, Renewer, UndecodableError, decode, to_function
from devhost.errors import MessageLostError, StorageUnavailableError
from devhost.functions import QueueFunction
from devhost.invocations import Invocations
from devhost.polling import PollingDelays
from devhost.queue_client import Queue, ReceivedMessage
from devhost.settings import QueueSettings

_log = logging.getLogger(__name__)

HIDDEN_SECONDS = 600


class Outcome(StrEnum):
    """How a delivery ended, and so what becomes of its message."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    POISON = "poison"
    NOT_STARTED = "not started"


class QueueListener:
    """Polls one queue and passes its messages to a function.

    A batch is fetched when at most ``new_batch_threshold`` messages are in work; after an empty poll it
    waits. Polling, running and settling each have their own threads, so that none waits for another.

    Args:
        hidden_seconds: how long a message in work is hidden; renewed at half.
        on_poison: called with the name of a poison queue that got a message.
    """

    def __init__(
        self,
        function: QueueFunction,
        queue: Queue,
        settings: QueueSettings,
        invocations: Invocations,
        *,
        hidden_seconds: int = HIDDEN_SECONDS,
        on_poison: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._function = function
        self._queue = queue
        self._settings = settings
        self._invocations = invocations
        self._hidden_seconds = hidden_seconds
        self._on_poison = on_poison
        self._delays = PollingDelays(settings.max_polling_interval.total_seconds())
        self._renewer = Renewer(queue, hidden_seconds)
        self._settlers = ThreadPoolExecutor(
            concurrent_messages(settings), thread_name_prefix=f"settle {queue.name}"
        )
        self._changed = threading.Condition()
        self._in_work: dict[Delivery, Future[object] | None] = {}
        self._stopping = False
        self._notified = False
        self._health = _Health(queue.name)
        self._poller = threading.Thread(target=self._run, name=f"poll {queue.name}", daemon=True)

    @property
    def queue_name(self) -> str:
        return self._queue.name

    def start(self) -> None:
        self._renewer.start()
        self._poller.start()

    def notify(self) -> None:
        """Poll at once: the queue just got a message."""
        with self._changed:
            self._notified = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Poll no more, and give back what no function has begun with."""
        with self._changed:
            self._stopping = True
            futures = [future for future in self._in_work.values() if future is not None]
            self._changed.notify_all()
        for future in futures:
            future.cancel()

    def join(self, deadline: float) -> bool:
        """Wait, until the ``monotonic`` deadline, for all messages to be settled; whether they were.

        Those still in work stay hidden until their time is over, and then come again.
        """
        if self._poller.ident is not None:
            self._poller.join(max(0.0, deadline - monotonic()))
        with self._changed:
            settled = self._changed.wait_for(
                lambda: not self._in_work, timeout=max(0.0, deadline - monotonic())
            )
        self._renewer.stop()
        self._settlers.shutdown(wait=settled, cancel_futures=True)
        if settled and not self._poller.is_alive():
            self._queue.close()
        return settled

    def _run(self) -> None:
        found_since_wait = False
        while not self._stopping:
            if self._poll():
                found_since_wait = True
                self._wait_for_threshold()
            else:
                self._wait(self._delays.next(succeeded=found_since_wait))
                found_since_wait = False

    def _poll(self) -> bool:
        """Fetch one batch and start it; whether it held a message. Never raises: a listener never dies."""
        try:
            messages = self._queue.receive(self._settings.batch_size, self._hidden_seconds)
            self._health.polled(exists=messages is not None)
            for message in messages or ():
                self._accept(message)
        except StorageUnavailableError as exc:
            self._health.failed(exc.reason)
            return False
        except Exception:  # noqa: BLE001 -- the listener's boundary: it must outlive what nobody foresaw
            _log.exception("polling failed", extra={"queue": self._queue.name})
            return False
        return bool(messages)

    def _wait_for_threshold(self) -> None:
        threshold = self._settings.new_batch_threshold
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or len(self._in_work) <= threshold)

    def _wait(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._notified, timeout=seconds)
            self._notified = False

    def _accept(self, message: ReceivedMessage) -> None:
        delivery = self._renewer.add(message)
        with self._changed:
            self._in_work[delivery] = None
            stopping = self._stopping
        if stopping:
            self._end(delivery, Outcome.NOT_STARTED)
        elif message.dequeue_count > self._settings.max_dequeue_count:
            self._end(delivery, Outcome.POISON)
        else:
            self._start(delivery)

    def _start(self, delivery: Delivery) -> None:
        try:
            body = decode(delivery.message.text, self._settings.message_encoding)
        except UndecodableError:
            _log.warning("message could not be decoded", extra=self._facts(delivery))
            self._end(delivery, Outcome.POISON)
            return
        if not self._function.binary and not _is_utf8(body):
            _log.error("message is no text, which its function asks for", extra=self._facts(delivery))
            self._end(delivery, Outcome.FAILED)
            return
        future = self._invocations.submit(self._function.code, to_function(delivery.message, body))
        with self._changed:
            if delivery in self._in_work:
                self._in_work[delivery] = future
            stopping = self._stopping
        future.add_done_callback(lambda done: self._end(delivery, _outcome(done)))
        if stopping:
            future.cancel()

    def _end(self, delivery: Delivery, outcome: Outcome) -> None:
        self._settlers.submit(self._settle, delivery, outcome)

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        try:
            self._settle_message(delivery.message, self._renewer.remove(delivery), outcome)
        except MessageLostError as exc:
            _log.debug("message was settled elsewhere", extra={**self._facts(delivery), "reason": str(exc)})
        except StorageUnavailableError as exc:
            _log.warning(
                "message could not be settled and will come again",
                extra={**self._facts(delivery), "outcome": outcome, "reason": exc.reason},
            )
        except Exception:  # noqa: BLE001 -- the settling thread's boundary: its future is looked at by nobody
            _log.exception("message could not be settled", extra=self._facts(delivery))
        finally:
            with self._changed:
                del self._in_work[delivery]
                self._changed.notify_all()

    def _settle_message(self, message: ReceivedMessage, receipt: str, outcome: Outcome) -> None:
        settings = self._settings
        if outcome is Outcome.FAILED and message.dequeue_count >= settings.max_dequeue_count:
            outcome = Outcome.POISON
        if self._queue.is_poison and outcome in (Outcome.FAILED, Outcome.POISON):
            return  # as in the SDK: without a poison queue the message stays hidden for its time
        match outcome:
            case Outcome.SUCCEEDED:
                self._queue.delete(message.message_id, receipt)
            case Outcome.FAILED:
                seconds = int(settings.visibility_timeout.total_seconds())
                self._queue.hide(message.message_id, receipt, seconds)
            case Outcome.NOT_STARTED:
                self._queue.hide(message.message_id, receipt, 0)
            case Outcome.POISON:
                self._queue.send_to_poison(message.text)
                _log.warning(
                    "message moved to the poison queue",
                    extra={
                        "queue": self._queue.name,
                        "message_id": message.message_id,
                        "dequeue_count": message.dequeue_count,
                    },
                )
                self._on_poison(self._queue.poison_name)
                self._queue.delete(message.message_id, receipt)

    def _facts(self, delivery: Delivery) -> dict[str, object]:
        return {
            "queue": self._queue.name,
            "function": self._function.code.name,
            "message_id": delivery.message.message_id,
            "dequeue_count": delivery.message.dequeue_count,
        }


class _Health:
    """Says once when a queue cannot be polled, and once when it can be again."""

    def __init__(self, queue: str) -> None:
        self._facts = {"queue": queue}
        self._away = False
        self._missing = False

    def polled(self, *, exists: bool) -> None:
        if self._away:
            _log.info("queue could be polled again", extra=self._facts)
        if not exists and not self._missing:
            _log.info("queue does not exist yet", extra=self._facts)
        self._away, self._missing = False, not exists

    def failed(self, reason: str) -> None:
        if not self._away:
            _log.warning("queue could not be polled", extra={**self._facts, "reason": reason})
        self._away = True


def concurrent_messages(settings: QueueSettings) -> int:
    """How many messages of one queue may be in work at once."""
    return settings.batch_size + settings.new_batch_threshold


def _outcome(future: Future[object]) -> Outcome:
    if future.cancelled():
        return Outcome.NOT_STARTED
    return Outcome.SUCCEEDED if future.exception() is None else Outcome.FAILED


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
