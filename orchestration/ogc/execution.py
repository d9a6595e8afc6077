"""Executes a process: submits a job, always asynchronously."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError

from interfaces.catalogs import JobCatalog
from orchestration.contracts import field_errors
from orchestration.ogc.inputs import plain_inputs
from orchestration.ogc.processes import output_names
from orchestration.submission import Caller, SubmitJob
from schema.callbacks import CallbackForm, CallbackNotify, CallbackRequest
from schema.errors import FieldError, InvalidParametersError
from schema.json_types import JSONObject
from schema.ogc import ExecuteRequest, OutputRequest, Subscriber
from schema.ogc_reference import JobReference, WantedOutput, wanted_text

_INVALID = "the execution is not valid"


class ExecuteProcess:
    """The same process with the same inputs is the same job, whoever executes it and however often."""

    def __init__(self, catalog: JobCatalog, submit: SubmitJob) -> None:
        self._catalog = catalog
        self._submit = submit

    def __call__(self, process_id: str, body: JSONObject, caller: Caller) -> JobReference:
        """The job, new or not, under the id that tells how this caller wants its results.

        Raises ``UnknownJobTypeError``, and ``InvalidParametersError`` with pointers into the whole body.
        """
        known = output_names(self._catalog.get(process_id))
        asked = _parsed(body)
        outputs = _outputs(asked.outputs, known)
        inputs = plain_inputs(asked.inputs)
        caller = replace(caller, callbacks=_callbacks(asked.subscriber, wanted_text(asked.response, outputs)))
        try:
            job_id = self._submit(process_id, inputs, caller).job.job_id
        except InvalidParametersError as exc:
            raise InvalidParametersError(_INVALID, _within_the_body(exc.errors, caller)) from exc
        return JobReference(job_id, asked.response, outputs)


def _parsed(body: JSONObject) -> ExecuteRequest:
    try:
        return ExecuteRequest.model_validate(body)
    except ValidationError as exc:
        raise InvalidParametersError(_INVALID, field_errors(exc)) from exc


def _outputs(asked: dict[str, OutputRequest] | None, known: Sequence[str]) -> tuple[WantedOutput, ...]:
    wanted = asked or {}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        message = f"unknown; known: {', '.join(known)}"
        raise InvalidParametersError(
            _INVALID, [FieldError(f"/outputs/{_escaped(name)}", message) for name in unknown]
        )
    return tuple(WantedOutput(name, request.transmission_mode) for name, request in wanted.items())


def _callbacks(subscriber: Subscriber | None, wanted: str) -> list[CallbackRequest]:
    if subscriber is None:
        return []
    addresses = (
        ("successUri", subscriber.success_uri, CallbackNotify.SUCCESSFUL),
        ("inProgressUri", subscriber.in_progress_uri, CallbackNotify.IN_PROGRESS),
        ("failedUri", subscriber.failed_uri, CallbackNotify.FAILED),
    )
    return [
        CallbackRequest(address, notify, CallbackForm.OGC, wanted, source=f"/subscriber/{name}")
        for name, address, notify in addresses
        if address is not None
    ]


def _within_the_body(errors: Sequence[FieldError], caller: Caller) -> list[FieldError]:
    """Pointers into the inputs become pointers into the body; those of subscribers are that already."""
    sources = {callback.source for callback in caller.callbacks}
    return [
        error if error.pointer in sources else FieldError(f"/inputs{error.pointer}", error.message)
        for error in errors
    ]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
