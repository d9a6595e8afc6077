"""Callbacks: the rows that say who must still be told, and how they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from schema.callbacks import CallbackBacklog, CallbackRecord


class CallbackRepository(Protocol):
    """Each method is one transaction. What is said of a claim that has run out since changes nothing."""

    def claim(self, limit: int) -> Sequence[CallbackRecord]:
        """Take up to ``limit`` callbacks that are due, for one minute: the longest due first."""
        ...

    def delivered(self, callback: CallbackRecord) -> None:
        """Also of one that became void while it travelled."""
        ...

    def not_delivered(self, callback: CallbackRecord, error: str, delay: timedelta | None) -> None:
        """An attempt failed: the next one after ``delay``, or none."""
        ...

    def postponed(self, callback: CallbackRecord, reason: str, delay: timedelta | None) -> None:
        """Nothing was tried and no attempt is spent: to be looked at again after ``delay``, or never."""
        ...

    def backlog(self) -> CallbackBacklog: ...


class SendOutcome(StrEnum):
    """``rejected``: later may go better. ``refused``: it must not be called. ``gone``: it wants no more.
    ``postponed``: it was not called, as it has been failing."""

    TAKEN = "taken"
    REJECTED = "rejected"
    REFUSED = "refused"
    GONE = "gone"
    POSTPONED = "postponed"


@dataclass(frozen=True)
class Sent:
    """How a call went. ``error`` is for people, and shows nothing of the answer's body or the address's path;
    ``retry_after`` is the least to wait, in seconds, where something asked for that."""

    outcome: SendOutcome
    error: str = ""
    retry_after: float | None = None


class CallbackSender(Protocol):
    def held_up(self, url: str) -> Sent | None:
        """What a call would come to that would be postponed at this moment; ``None`` where it may be made.
        Costs nothing, so that no body is made in vain."""
        ...

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Sent:
        """POST the body. Never raises for what the other side does; ends within a known time."""
        ...
