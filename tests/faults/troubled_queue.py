"""A queue as bad as one may be: it delivers messages several times, late, out of order, or not at all."""

import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from interfaces.queues import QueueRepository
from schema.messages import QueueMessage, TaskQueueMessage
from tests.faults.points import Faults

LEDGER = "messages.log"


class Noted(StrEnum):
    """What became of a message; a late one is sent as well."""

    SENT = "sent"
    DOUBLED = "doubled"
    DROPPED = "dropped"
    DELAYED = "delayed"


@dataclass(frozen=True)
class Trouble:
    """``copies`` of each message; the others are shares of messages, 0 to 1, and seconds."""

    copies: int = 1
    doubled: float = 0.0
    dropped: float = 0.0
    delayed: float = 0.0
    longest_delay_seconds: int = 2

    @classmethod
    def told(cls, environment: Mapping[str, str]) -> "Trouble":
        return cls(
            copies=int(environment.get("TRIAL_COPIES", "1")),
            doubled=float(environment.get("TRIAL_DOUBLED", "0")),
            dropped=float(environment.get("TRIAL_DROPPED", "0")),
            delayed=float(environment.get("TRIAL_DELAYED", "0")),
        )


def noted(folder: Path) -> Counter[Noted]:
    """What the ledger of all hosts that ran in the folder says."""
    return Counter(Noted(line) for line in (folder / LEDGER).read_text().split())


class TroubledQueue:
    """Sends through the real queue, and keeps a ledger that outlives the process."""

    def __init__(self, queue: QueueRepository, trouble: Trouble, faults: Faults, folder: Path) -> None:
        self._queue = queue
        self._trouble = trouble
        self._faults = faults
        self._random = random.Random(os.getpid())  # noqa: S311 -- no secret hangs on it
        self._ledger = os.open(folder / LEDGER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def send(self, message: QueueMessage, delay_seconds: float = 0.0) -> None:
        point = "queue.send_task" if isinstance(message, TaskQueueMessage) else "queue.send_job"
        if self._faults.reach(f"{point}:begin", message) or self._strikes(self._trouble.dropped):
            self._note(Noted.DROPPED)
            return
        copies = self._trouble.copies + self._strikes(self._trouble.doubled)
        for copy in range(copies):
            late = self._strikes(self._trouble.delayed)
            extra = self._random.randint(1, self._trouble.longest_delay_seconds) if late else 0
            self._queue.send(message, delay_seconds + extra)
            self._note(Noted.DOUBLED if copy else Noted.SENT)
            if late:
                self._note(Noted.DELAYED)
        self._faults.reach(f"{point}:committed", message)

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._queue, attribute)

    def _strikes(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _note(self, what: Noted) -> None:
        os.write(self._ledger, f"{what}\n".encode())
