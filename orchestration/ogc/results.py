"""What a job gave back, output by output, as its caller wanted it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interfaces.blobs import BlobAddresses
from interfaces.catalogs import JobCatalog
from interfaces.repositories import JobRepository
from orchestration.ogc.links import JSON, Links
from orchestration.ogc.processes import WHOLE_RESULT, file_outputs, output_names
from orchestration.results import ResultReader
from schema.errors import (
    JobHasNoResultError,
    JobNotFoundError,
    ResultNotReadyError,
    UnknownJobTypeError,
)
from schema.json_types import JSONObject, JSONValue
from schema.ogc import Link, ResponseForm, TransmissionMode
from schema.ogc_reference import JobReference, WantedOutput
from schema.records import JobRecord
from schema.results import ErrorDetail, FileReference
from schema.states import FINAL_JOB_STATES, JobStatus
from schema.workflow import JobRegistration


@dataclass(frozen=True)
class Output:
    """One output: its value, or where it is (``link``). Where it is null, ``mode`` says how it would come."""

    name: str
    value: JSONValue = None
    link: Link | None = None
    mode: TransmissionMode = TransmissionMode.VALUE

    @property
    def is_null(self) -> bool:
        return self.value is None and self.link is None


@dataclass(frozen=True)
class JobResults:
    """``form`` is ``None`` where the caller leaves it to the server. The outputs are all that are wanted, so
    that what an answer looks like hangs on what was asked for and not on what came out."""

    form: ResponseForm | None
    outputs: Sequence[Output]

    def document(self) -> JSONObject:
        """All in one object, without those that are null: an object among the values stands in
        ``{"value": ...}``, as it could be taken for a link."""
        return {output.name: _inline(output) for output in self.outputs if not output.is_null}


class Results:
    """Reads only."""

    def __init__(
        self, catalog: JobCatalog, jobs: JobRepository, reader: ResultReader, addresses: BlobAddresses
    ) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._reader = reader
        self._addresses = addresses

    def find(self, reference: JobReference, links: Links) -> JobResults | ErrorDetail:
        """The outputs that are wanted; or why the job failed.

        Raises ``JobNotFoundError`` (also for an output that there is not), ``ResultNotReadyError``, and
        ``JobHasNoResultError`` where the job was dismissed, ``ResultTooLargeError`` and ``BusyError``.
        """
        job = self._jobs.get(reference.job_id)
        if job is None:
            raise JobNotFoundError(reference.job_id)
        if job.status not in FINAL_JOB_STATES:
            raise ResultNotReadyError("the job has not ended; its status tells how far it is")
        if job.status is JobStatus.CANCELLED:
            raise JobHasNoResultError("the job was dismissed")
        if job.status is JobStatus.FAILED:
            return job.error or ErrorDetail(code="JOB_FAILED", message="the job failed")
        registration = self._registration(job)
        names = (WHOLE_RESULT,) if registration is None else output_names(registration)
        wanted = reference.outputs or tuple(map(WantedOutput, names))
        if any(output.name not in names for output in wanted):
            raise JobNotFoundError(str(reference))
        result = self._reader.value(job) or {}
        values = {WHOLE_RESULT: result} if names == (WHOLE_RESULT,) else result
        files = file_outputs(None if registration is None else registration.result)
        outputs = [
            self._file(output.name, values.get(output.name))
            if output.name in files
            else _output(output, values.get(output.name), reference, links)
            for output in wanted
        ]
        return JobResults(reference.form, outputs)

    def _registration(self, job: JobRecord) -> JobRegistration[Any] | None:
        try:
            return self._catalog.get(job.job_type)
        except UnknownJobTypeError:  # the job is older than the catalog
            return None

    def _file(self, name: str, value: JSONValue) -> Output:
        """A file is where it is, whatever way of transmission is asked for."""
        if value is None:
            return Output(name, mode=TransmissionMode.REFERENCE)
        file = FileReference.model_validate(value)
        address = self._addresses.address_of(file.container, file.blob)
        return Output(name, None, Link(href=address, type=file.media_type), TransmissionMode.REFERENCE)


def _output(wanted: WantedOutput, value: JSONValue, reference: JobReference, links: Links) -> Output:
    if wanted.mode is TransmissionMode.VALUE or value is None:
        return Output(wanted.name, value, mode=wanted.mode)
    address = links.address(f"jobs/{reference.only(wanted.name)}/results")
    return Output(wanted.name, None, Link(href=address, type=JSON), wanted.mode)


def _inline(output: Output) -> JSONValue:
    if output.link is not None:
        return output.link.document()
    return {"value": output.value} if isinstance(output.value, dict) else output.value
