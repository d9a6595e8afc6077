"""What OGC API - Processes - Part 1: Core (18-062r2) sends and takes, under the names that it gives.

A status is sent under the names of 1.0 and of the draft of 2.0 alike.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from schema.json_types import JSONObject, JSONValue

CONFORMANCE = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
EXCEPTION = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
RELATION = "http://www.opengis.net/def/rel/ogc/1.0/"

CONFORMANCE_CLASSES = ("core", "ogc-process-description", "json", "oas30", "job-list", "callback", "dismiss")


class OgcModel(BaseModel):
    """Written in camel case; what is ``None`` is left out."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )

    def document(self) -> JSONObject:
        """As it is sent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Link(OgcModel):
    href: str
    rel: str | None = None
    type: str | None = None
    title: str | None = None


class LandingPage(OgcModel):
    title: str
    description: str
    links: list[Link]


class Conformance(OgcModel):
    conforms_to: list[str]


class JobControlOption(StrEnum):
    ASYNC_EXECUTE = "async-execute"
    DISMISS = "dismiss"


class TransmissionMode(StrEnum):
    VALUE = "value"
    REFERENCE = "reference"


class ProcessSummary(OgcModel):
    """A job type."""

    id: str
    version: str
    title: str
    description: str
    job_control_options: list[JobControlOption]
    output_transmission: list[TransmissionMode]
    links: list[Link]


class InputDescription(OgcModel):
    """``schema`` is of OpenAPI 3.0, without references. ``min_occurs`` is 0 where there is a default."""

    title: str
    description: str | None = None
    min_occurs: int
    max_occurs: int = 1
    value_schema: Annotated[JSONObject, Field(alias="schema")]


class OutputDescription(OgcModel):
    title: str
    description: str | None = None
    value_schema: Annotated[JSONObject, Field(alias="schema")]


class Process(ProcessSummary):
    inputs: dict[str, InputDescription]
    outputs: dict[str, OutputDescription]


class ProcessList(OgcModel):
    processes: list[ProcessSummary]
    links: list[Link]


class StatusCode(StrEnum):
    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"


class EntityType(StrEnum):
    PROCESS = "process"


class StatusInfo(OgcModel):
    """``id`` and ``processing_entity_type`` are what 2.0 calls ``jobID`` and ``type``; ``progress`` is a
    percentage."""

    process_id: Annotated[str, Field(alias="processID")]
    type: EntityType = EntityType.PROCESS
    processing_entity_type: EntityType = EntityType.PROCESS
    job_id: Annotated[str, Field(alias="jobID")]
    id: str
    status: StatusCode
    message: str | None = None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime
    progress: Annotated[int, Field(ge=0, le=100)] | None = None
    links: list[Link]


class JobList(OgcModel):
    jobs: list[StatusInfo]
    links: list[Link]


class ResultDocument(RootModel[dict[str, JSONValue]]):
    """Outputs by their names: a value, an object in ``{"value": ...}``, or a link."""


class RawOutput(RootModel[JSONValue]):
    """One output as it is: any value."""


class ResponseForm(StrEnum):
    RAW = "raw"
    DOCUMENT = "document"


class OutputRequest(OgcModel):
    """How an output is wanted; ``format`` is not looked at: every value is JSON."""

    model_config = ConfigDict(extra="ignore")

    transmission_mode: TransmissionMode = TransmissionMode.VALUE


class Subscriber(OgcModel):
    """Addresses that are called when the job has ended well or not, and when it begins."""

    model_config = ConfigDict(extra="forbid")

    success_uri: str | None = None
    in_progress_uri: str | None = None
    failed_uri: str | None = None


class ExecuteRequest(OgcModel):
    """``inputs`` by value, as ``{"value": ...}`` or by a ``data:`` link; ``outputs`` are all unless some are
    named."""

    model_config = ConfigDict(extra="forbid")

    inputs: JSONObject = Field(default_factory=dict)
    outputs: dict[str, OutputRequest] | None = None
    response: ResponseForm | None = None
    subscriber: Subscriber | None = None
