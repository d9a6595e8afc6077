"""Describes job types as processes."""

from collections.abc import Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel

from interfaces.catalogs import JobCatalog
from orchestration.ogc.links import Links
from schema.json_types import JSONObject
from schema.ogc import (
    InputDescription,
    JobControlOption,
    OutputDescription,
    Process,
    ProcessSummary,
    TransmissionMode,
)
from schema.openapi_3_0 import inlined, openapi_3_0
from schema.results import FileReference
from schema.version import VERSION
from schema.workflow import JobRegistration

WHOLE_RESULT = "result"
"""The one output of a job type that does not say what its result is made of."""

_LINK: JSONObject = {
    "type": "object",
    "required": ["href"],
    "properties": {"href": {"type": "string", "format": "uri"}, "type": {"type": "string"}},
}


class Processes:
    """Reads only."""

    def __init__(self, catalog: JobCatalog) -> None:
        self._catalog = catalog

    def page(self, limit: int, after: str | None, links: Links) -> tuple[Sequence[ProcessSummary], bool]:
        """Processes by name, from the first behind ``after``; and whether there are more."""
        names = sorted(name for name in self._catalog.names() if after is None or name > after)
        shown = names[:limit]
        summaries = [
            ProcessSummary(**_summary(self._catalog.get(name)), links=links.process_summary(name))
            for name in shown
        ]
        return summaries, len(names) > limit

    def describe(self, process_id: str, links: Links) -> Process:
        """The process with its inputs and outputs; raises ``UnknownJobTypeError``."""
        registration = self._catalog.get(process_id)
        return Process(
            **_summary(registration),
            links=links.process(process_id),
            inputs=_inputs(registration.parameters),
            outputs=_outputs(registration.result),
        )


def output_names(registration: JobRegistration[Any]) -> tuple[str, ...]:
    """What a process gives back, by name."""
    return tuple(_outputs(registration.result))


def _summary(registration: JobRegistration[Any]) -> dict[str, Any]:
    return {
        "id": registration.job_type,
        "version": VERSION,
        "title": _title(registration.job_type),
        "description": registration.description,
        "job_control_options": [JobControlOption.ASYNC_EXECUTE, JobControlOption.DISMISS],
        "output_transmission": [TransmissionMode.VALUE, TransmissionMode.REFERENCE],
    }


def _inputs(model: type[BaseModel]) -> dict[str, InputDescription]:
    schema = _schema_of(model)
    required = cast("list[str]", schema.get("required", []))
    return {
        name: InputDescription(
            title=_title(name),
            description=_description(value),
            min_occurs=int(name in required),
            value_schema=value,
        )
        for name, value in _properties(schema).items()
    }


def _outputs(model: type[BaseModel] | None) -> dict[str, OutputDescription]:
    if model is None:
        whole: JSONObject = {"type": "object"}
        return {WHOLE_RESULT: OutputDescription(title=_title(WHOLE_RESULT), value_schema=whole)}
    files = file_outputs(model)
    return {
        name: OutputDescription(
            title=_title(name),
            description=_description(value),
            value_schema=_LINK if name in files else value,
        )
        for name, value in _properties(_schema_of(model)).items()
    }


def file_outputs(model: type[BaseModel] | None) -> frozenset[str]:
    """The names of those fields of a result that are files: they are given by reference."""
    fields = {} if model is None else model.model_fields
    return frozenset(name for name, field in fields.items() if _is_file(field.annotation))


def _is_file(annotation: Any) -> bool:
    return annotation is FileReference or FileReference in get_args(annotation)


def _schema_of(model: type[BaseModel]) -> JSONObject:
    return openapi_3_0(inlined(model.model_json_schema()))


def _properties(schema: JSONObject) -> dict[str, JSONObject]:
    return cast("dict[str, JSONObject]", schema.get("properties", {}))


def _description(schema: JSONObject) -> str | None:
    return cast("str | None", schema.get("description"))


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
