"""What the local host's tests share: waiting, small apps, a queue in memory, a host process."""

import json
import os
import queue as queues
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import azure.functions as func

from devhost.errors import MessageLostError, StorageUnavailableError
from devhost.functions import AppFunctions, Code, QueueFunction, read_functions
from devhost.invocations import Invocations
from devhost.queue_client import ReceivedMessage

REPOSITORY = Path(__file__).parents[3]
SAMPLE_APP = REPOSITORY / "tests" / "data" / "devhost_app"
DEADLINE_SECONDS = 60.0


def eventually(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    deadline = monotonic() + seconds
    tick = threading.Event()
    while not condition():
        assert monotonic() < deadline, "the condition did not come true in time"
        tick.wait(0.01)


def functions_of(app: func.FunctionApp, **environment: str) -> AppFunctions:
    return read_functions(app, environment)


def code(call: Callable[[Any], object], name: str = "tested") -> Code:
    """Code as the host finds it, from a callable of one argument, whatever its name."""

    def named(value: object) -> object:
        return call(value)

    return Code(name, named, "value", takes_context=False)


def queue_function(call: Callable[[Any], object], *, binary: bool = False) -> QueueFunction:
    return QueueFunction(code(call), "greetings", "AzureWebJobsStorage", binary)


@contextmanager
def running_invocations(threads: int = 4, timeout: float | None = None) -> Iterator[Invocations]:
    invocations = Invocations(threads, timeout, lambda _: None)
    invocations.start()
    yield invocations
    invocations.close()


class MemoryQueue:
    """A ``devhost.queue_client.Queue`` that can go away; a message it gave out never comes again."""

    name = "greetings"
    poison_name = "greetings-poison"
    is_poison = False

    def __init__(self, *texts: str, dequeue_count: int = 1) -> None:
        self._lock = threading.Lock()
        self._visible = [message(str(number), text, dequeue_count) for number, text in enumerate(texts)]
        self._hidden: dict[str, ReceivedMessage] = {}
        self.receives: list[int] = []
        self.hidden_seconds = 0
        self.deleted: list[str] = []
        self.hidden: list[tuple[str, int]] = []
        self.poison: list[str] = []
        self.exists = True
        self.failing: Exception | None = None
        self.lost = False
        self.closed = False

    def receive(self, count: int, hidden_seconds: int) -> list[ReceivedMessage] | None:
        with self._lock:
            self.receives.append(count)
            self.hidden_seconds = hidden_seconds
            if self.failing is not None:
                raise self.failing
            if not self.exists:
                return None
            taken, self._visible = self._visible[:count], self._visible[count:]
            self._hidden.update({each.message_id: each for each in taken})
            return taken

    def delete(self, message_id: str, pop_receipt: str) -> None:
        self._check(message_id, pop_receipt)
        self.deleted.append(message_id)

    def hide(self, message_id: str, pop_receipt: str, seconds: int) -> str:
        self._check(message_id, pop_receipt)
        with self._lock:
            held = self._hidden[message_id]
            receipt = f"{pop_receipt}+"
            self._hidden[message_id] = message(message_id, held.text, held.dequeue_count, receipt)
            self.hidden.append((message_id, seconds))
        return receipt

    def send_to_poison(self, text: str) -> None:
        self.poison.append(text)

    def close(self) -> None:
        self.closed = True

    def _check(self, message_id: str, pop_receipt: str) -> None:
        if self.failing is not None:
            raise self.failing
        if self.lost or self._hidden[message_id].pop_receipt != pop_receipt:
            raise MessageLostError("PopReceiptMismatch")


AWAY = StorageUnavailableError("ServiceRequestError")


def message(message_id: str, text: str, dequeue_count: int = 1, receipt: str = "receipt") -> ReceivedMessage:
    return ReceivedMessage(message_id, text, dequeue_count, receipt, None, None, None)


class HostProcess:
    """A ``python -m devhost`` on a copy of the sample app."""

    def __init__(self, root: Path, *arguments: str, **environment: str) -> None:
        self._lines: queues.Queue[str] = queues.Queue()
        self.records: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "devhost", "--port", "0", *arguments],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: str, count: int = 1, **facts: object) -> dict[str, Any]:
        """The record with this message and these facts; the ``count``-th of them."""
        deadline = monotonic() + DEADLINE_SECONDS
        while len(found := self.found(text, **facts)) < count:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - monotonic()))
            except queues.Empty:
                raise AssertionError(f"{text!r} was not logged; seen: {self.records}") from None
            self.records.append(json.loads(line))
        return found[count - 1]

    def found(self, text: str, **facts: object) -> list[dict[str, Any]]:
        return [
            record
            for record in self.records
            if record["message"] == text and all(record.get(name) == value for name, value in facts.items())
        ]

    @property
    def url(self) -> str:
        return self.wait_for("host started")["url"]

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        self.signal()
        return self.process.wait(timeout=DEADLINE_SECONDS)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(timeout=DEADLINE_SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line)


def copy_sample_app(target: Path) -> Path:
    root = target / "app"
    shutil.copytree(SAMPLE_APP, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root
