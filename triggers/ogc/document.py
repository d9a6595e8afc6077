"""The OpenAPI 3.0 document of the routes of OGC API - Processes: the general one, in the words of 3.0."""

from functools import lru_cache
from itertools import chain
from typing import Any, cast

from schema.access import AuthMode
from schema.json_types import JSONObject, JSONValue
from schema.ogc import ResultDocument, StatusInfo
from schema.openapi_3_0 import openapi_3_0
from triggers.http import PROBLEM_TYPE
from triggers.ogc.routes import OGC_ROUTES, OGC_TAG
from triggers.openapi import About, Callback, Header, RefusalFormat, Supplement, openapi_document

_VERSION = "3.0.3"
_JSON = "application/json"
_ANY_JSON_MEDIA = (PROBLEM_TYPE, _JSON)

_OPERATION_IDS = {
    "ogc_landing_page": "getLandingPage",
    "ogc_conformance": "getConformanceClasses",
    "ogc_api": "getApiDefinition",
    "ogc_processes": "getProcesses",
    "ogc_process": "getProcessDescription",
    "ogc_execute": "execute",
    "ogc_jobs": "getJobs",
    "ogc_job": "getStatus",
    "ogc_dismiss": "dismiss",
    "ogc_results": "getResult",
}
"""The names that the standard's own example document gives the operations: its tools look for them."""

_JOB_ID = (
    "the id of a job as an execution gave it: the job's own, which may be followed by the form and the names "
    "of the outputs that are wanted, with dots between"
)
_PATH_PARAMETERS: dict[str, JSONObject] = {
    "process_id": {"type": "string", "description": "the name of a process"},
    "ogc_job_id": {"type": "string", "description": _JOB_ID},
}
_PREFER = Header("Prefer", "Every execution is asynchronous, whatever is preferred.", {"type": "string"})
_SUBSCRIBER = tuple(
    Callback(name, f"{{$request.body#/subscriber/{name}}}", description, model)
    for name, description, model in (
        (
            "successUri",
            "Tells that the job has ended well, with its results; with its status where they are large.",
            ResultDocument,
        ),
        ("inProgressUri", "Tells that the job has begun.", StatusInfo),
        ("failedUri", "Tells that the job has failed or was dismissed.", StatusInfo),
    )
)


@lru_cache(maxsize=4)
def ogc_document(mode: AuthMode, base_url: str) -> JSONObject:
    """The document, its addresses under ``base_url``."""
    document = openapi_document(
        OGC_ROUTES,
        About(
            title="geojobs: OGC API - Processes",
            description="Job types as processes, after OGC API - Processes - Part 1: Core (18-062r2).",
            tags={OGC_TAG: "Execute processes and follow their jobs."},
            server=base_url,
        ),
        mode,
        path_parameters=_PATH_PARAMETERS,
        supplements={"ogc_execute": Supplement(headers=(_PREFER,), callbacks=_SUBSCRIBER)},
        refusals=RefusalFormat(media_type=PROBLEM_TYPE),
    )
    document["openapi"] = _VERSION
    for path in cast("dict[str, dict[str, Any]]", document["paths"]).values():
        for operation in path.values():
            operation["operationId"] = _OPERATION_IDS[operation["operationId"]]
            _tell_roles(operation)
    return cast("JSONObject", _converted(document))


def _tell_roles(operation: dict[str, Any]) -> None:
    """In words: 3.0 knows the roles of a token only as the scopes of OAuth."""
    security = cast("list[dict[str, list[str]]]", operation["security"])
    roles = [role for one in security for granted in one.values() for role in granted]
    if roles:
        paragraphs = [operation.get("description", ""), f"Takes one of the roles {', '.join(roles)}."]
        operation["description"] = "\n\n".join(filter(None, paragraphs))
        operation["security"] = [{name: []} for name in sorted({*chain(*security)})]


def _converted(value: JSONValue) -> JSONValue:
    """The same with every schema in the words of 3.0, and exceptions as either kind of JSON."""
    if isinstance(value, list):
        return [_converted(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _member(name, item) for name, item in value.items()}


def _member(name: str, item: JSONValue) -> JSONValue:
    if name == "schema" and isinstance(item, dict):
        return openapi_3_0(item)
    if name == "schemas" and isinstance(item, dict):
        return {key: openapi_3_0(cast("JSONObject", schema)) for key, schema in item.items()}
    if name == "content" and isinstance(item, dict) and PROBLEM_TYPE in item:
        refused = item[PROBLEM_TYPE]
        return {media: _converted(refused) for media in _ANY_JSON_MEDIA} | {
            media: _converted(other) for media, other in item.items() if media != PROBLEM_TYPE
        }
    return _converted(item)
