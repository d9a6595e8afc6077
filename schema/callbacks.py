"""Callbacks: who wants to be told what of a run, and what there is to tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from schema.json_types import JSONObject
from schema.records import Record
from schema.states import JobStatus


class CallbackNotify(StrEnum):
    """The news to tell: any end of the run, a good one, a bad one (failed or cancelled), or that it began."""

    FINAL = "final"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"


class CallbackForm(StrEnum):
    """Which body is sent: this app's own, or that of OGC API - Processes."""

    JOB = "job"
    OGC = "ogc"


class CallbackState(StrEnum):
    """``void``: the run came to an end that the callback did not ask for."""

    WAITING = "waiting"
    DUE = "due"
    DELIVERED = "delivered"
    FAILED = "failed"
    VOID = "void"


@dataclass(frozen=True)
class CallbackRequest:
    """What a caller asks for. ``source`` is where the address stood in the request, for errors."""

    url: str
    notify: CallbackNotify = CallbackNotify.FINAL
    form: CallbackForm = CallbackForm.JOB
    source: str = "X-Callback-URL"


@dataclass(frozen=True)
class NewCallback:
    """One that may be stored: ``url`` is normalised and allowed."""

    url: str
    notify: CallbackNotify = CallbackNotify.FINAL
    form: CallbackForm = CallbackForm.JOB


@dataclass(frozen=True)
class Subscription:
    """Callbacks to the current run of a job. ``base_url`` is where the subscriber found this app."""

    callbacks: Sequence[NewCallback]
    base_url: str = ""


class CallbackRecord(Record):
    """A callback whose news is to be told. The news (``status``, ``happened_at``, ``error``) stays as it was
    made, whatever has become of the job since."""

    callback_id: int
    job_id: str
    job_type: str
    job_created_at: datetime
    run: int
    url: str
    notify: CallbackNotify
    form: CallbackForm
    message_id: UUID
    status: JobStatus
    happened_at: datetime
    error: JSONObject | None = None
    attempt: int
    claimed_until: datetime
    correlation_id: str
    base_url: str = ""


@dataclass(frozen=True)
class CallbackBacklog:
    """``due_since`` is when the oldest news was made that is still to be told."""

    due: int
    due_since: datetime | None
    failed: int
