"""Submits a job: validates its parameters, derives its id, stores it once, wakes the orchestrator."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from interfaces.catalogs import JobCatalog
from interfaces.repositories import JobRepository
from orchestration.callback_rules import NO_CALLBACKS, CallbackRules
from orchestration.contracts import controller_code, field_errors
from orchestration.relay import OutboxRelay
from schema.callbacks import MAX_CALLBACKS, CallbackRequest, Subscription
from schema.errors import (
    ContractViolationError,
    FieldError,
    InvalidParametersError,
    TooManyCallbacksError,
)
from schema.identity import job_id_of
from schema.json_types import JSONObject
from schema.policies import Priority
from schema.records import NewJob, Submission
from schema.workflow import JobRegistration

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """Who submits, under which ids the work is traced, and who is to be told how it went.

    ``base_url`` is where the caller says that it found this app, for the links in what is told.
    """

    correlation_id: str
    traceparent: str | None = None
    identity: str | None = None
    priority: Priority = Priority.NORMAL
    callbacks: Sequence[CallbackRequest] = ()
    base_url: str = ""


class SubmitJob:
    """The same type and parameters are the same job, whoever submits them and however often."""

    def __init__(
        self,
        catalog: JobCatalog,
        jobs: JobRepository,
        relay: OutboxRelay,
        rules: CallbackRules = NO_CALLBACKS,
    ) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._relay = relay
        self._rules = rules

    def __call__(self, job_type: str, body: JSONObject, caller: Caller) -> Submission:
        """Raises ``UnknownJobTypeError`` and ``InvalidParametersError``.

        A queue that does not answer is no failure: the job is stored, and the relay sends its message later.
        """
        job = self.validate(job_type, body, caller)
        submission = self._stored(job, caller)
        self._relay.dispatch(submission.outbox)
        _log.info(
            "job submitted" if submission.created else "job was there already",
            extra={
                "job_id": job.job_id,
                "job_type": job_type,
                "correlation_id": caller.correlation_id,
                "status": submission.job.status.value,
            },
        )
        return submission

    def validate(self, job_type: str, body: JSONObject, caller: Caller) -> NewJob:
        """The job that would be stored, with defaults applied and its id."""
        registration = self._catalog.get(job_type)
        self._rules.checked(caller.callbacks)
        model = _validated(registration, body)
        parameters: JSONObject = model.model_dump(mode="json")
        return NewJob(
            job_id=job_id_of(job_type, parameters),
            job_type=job_type,
            parameters=parameters,
            total_stages=_total_stages(registration, model),
            correlation_id=caller.correlation_id,
            traceparent=caller.traceparent,
            submitted_by=caller.identity,
            priority=caller.priority,
            max_parallel_tasks=registration.max_parallel_tasks,
            timeout=registration.timeout,
        )

    def _stored(self, job: NewJob, caller: Caller) -> Submission:
        try:
            return self._jobs.submit(job, self._subscription(caller))
        except TooManyCallbacksError as exc:
            problem = f"the run of this job has {MAX_CALLBACKS} callbacks, which is the most"
            errors = [FieldError(callback.source, problem) for callback in caller.callbacks]
            raise InvalidParametersError("the callback was not taken", errors) from exc

    def _subscription(self, caller: Caller) -> Subscription | None:
        callbacks = self._rules.checked(caller.callbacks)
        return Subscription(callbacks, self._rules.base_url(caller.base_url)) if callbacks else None


def _validated(registration: JobRegistration[Any], body: JSONObject) -> Any:
    try:
        return registration.parameters.model_validate(body)
    except ValidationError as exc:
        subject = f"the parameters of {registration.job_type} are not valid"
        raise InvalidParametersError(subject, field_errors(exc)) from exc


def _total_stages(registration: JobRegistration[Any], model: Any) -> int:
    producer = f"{registration.job_type}.stage_count"
    with controller_code(producer):
        count = registration.total_stages(model)
    if 1 <= count <= len(registration.stages):
        return count
    raise ContractViolationError(
        "JobRegistration", "/stage_count", producer, "the number of its stages or less"
    )
