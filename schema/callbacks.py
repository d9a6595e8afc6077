"""Callbacks: who wants to be told what of a run, and what there is to tell."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schema.api import API_PREFIX
from schema.records import Record
from schema.results import ErrorDetail
from schema.states import JobStatus

CALLBACK_HEADER = "X-Callback-URL"
MAX_CALLBACKS = 20
"""Of one run of a job; ``app.subscribe`` counts them."""

_SECRET_PREFIX = "whsec_"  # noqa: S105 -- how a secret begins, none itself
_SECRET_BYTES = range(24, 65)


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
    """``void``: the run came to an end that the callback did not ask for, or before its start was told."""

    WAITING = "waiting"
    DUE = "due"
    DELIVERED = "delivered"
    FAILED = "failed"
    VOID = "void"


@dataclass(frozen=True)
class CallbackRequest:
    """What a caller asks for. ``source`` is where the address stood in the request, for errors; ``wanted``
    how the caller wants the results, as ``schema.ogc_reference`` writes it."""

    url: str
    notify: CallbackNotify = CallbackNotify.FINAL
    form: CallbackForm = CallbackForm.JOB
    wanted: str = ""
    source: str = CALLBACK_HEADER


@dataclass(frozen=True)
class NewCallback:
    """One that may be stored: ``url`` is normalised and allowed."""

    url: str
    notify: CallbackNotify = CallbackNotify.FINAL
    form: CallbackForm = CallbackForm.JOB
    wanted: str = ""


@dataclass(frozen=True)
class Subscription:
    """Callbacks to the current run of a job. ``base_url`` is what the links in them begin with."""

    callbacks: Sequence[NewCallback]
    base_url: str = API_PREFIX


class CallbackRecord(Record):
    """A callback whose news is to be told. The news (``status``, ``happened_at``, ``error``) stays as it was
    made, whatever has become of the job since. ``due_since`` is since when there is something to tell."""

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
    due_since: datetime
    error: ErrorDetail | None = None
    attempt: int
    claimed_until: datetime
    correlation_id: str
    base_url: str
    wanted: str = ""


class JobNews(BaseModel):
    """How a run went. ``links`` lead to the job; ``error`` is there where it failed or was cancelled."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    job_type: str
    status: JobStatus
    run: int
    created_at: datetime
    finished_at: datetime | None = None
    correlation_id: str
    error: ErrorDetail | None = None
    links: dict[str, str]


class JobCallback(BaseModel):
    """The body of a callback of form ``job``: ``type`` is ``job.`` and the status, ``timestamp`` when the run
    came to it."""

    model_config = ConfigDict(frozen=True)

    type: str
    timestamp: datetime
    data: JobNews


@dataclass(frozen=True)
class CallbackBacklog:
    """``due_since`` is since when the oldest of those that are due is."""

    due: int
    due_since: datetime | None
    failed: int


def signing_secrets(text: str) -> list[bytes]:
    """The keys in the text: one, or several with spaces between, written ``whsec_`` and base64 of 24 to 64
    bytes. Raises ``ValueError`` that shows nothing of them.

    Source: Standard Webhooks, "Signature scheme".
    """
    secrets = [_secret(part) for part in text.split()]
    if not secrets:
        raise ValueError("there is no secret")
    return secrets


def _secret(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not text.startswith(_SECRET_PREFIX) or len(secret) not in _SECRET_BYTES:
        raise ValueError("a secret is written whsec_ and base64 of 24 to 64 random bytes")
    return secret
