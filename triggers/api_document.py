"""The OpenAPI document of this app: what its tables do not say of their routes."""

from collections.abc import Sequence
from typing import Any

from schema.access import AuthMode
from schema.callbacks import CALLBACK_HEADER, JobCallback
from schema.identity import JOB_ID_PATTERN
from schema.json_types import JSONObject
from schema.workflow import JobRegistration
from triggers.documentation import ASSETS
from triggers.http import Route
from triggers.ogc.routes import OGC_TAG
from triggers.openapi import About, Body, Callback, Header, Supplement, openapi_document

_ABOUT = About(
    title="geojobs",
    description="Submits and follows geospatial jobs. A job runs through stages, one after another; a stage "
    "is a set of tasks that run in parallel. A job's id follows from its type and parameters, so the same "
    "request is the same job. Times are RFC 3339 in UTC; errors are problem documents (RFC 9457).",
    tags={
        "jobs": "Submit, follow, list and control jobs.",
        "database": "What the database holds, and its schema.",
        "operations": "How the system is, and the messages that nobody could use.",
        "description": "This document, and a page to read and try it.",
    },
)
_CALLBACK_URL = Header(
    CALLBACK_HEADER,
    "Where to tell of the run's end: an address of `https` on a host that this deployment allows. It is no "
    "part of the job's identity.",
    {"type": "string", "format": "uri"},
)
_RANGE = Header(
    "Range",
    "Which bytes of the result are wanted, such as `bytes=0-67108863`.",
    {"type": "string", "pattern": "^bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})$"},
)
_NEWS = Callback(
    "job_news",
    f"{{$request.header.{CALLBACK_HEADER}}}",
    "Tells how the run went, signed as Standard Webhooks has it. It is sent again until it is received, for "
    "some hours.",
    JobCallback,
    (
        Header("webhook-id", "The same for each attempt to tell this news.", {"type": "string"}),
        Header(
            "webhook-timestamp", "When this attempt was made, in seconds since 1970.", {"type": "integer"}
        ),
        Header(
            "webhook-signature",
            "`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, with dots between; one for "
            "each secret, with spaces between.",
            {"type": "string"},
        ),
    ),
)


def api_document(
    routes: Sequence[Route[Any, Any]], job_types: Sequence[JobRegistration[Any]], mode: AuthMode
) -> JSONObject:
    """The document of all routes, for an app with these job types.

    Those of OGC API - Processes have one of their own.
    """
    return openapi_document(
        [route for route in routes if route.tag != OGC_TAG],
        _ABOUT,
        mode,
        path_parameters=_path_parameters(job_types),
        supplements={
            "submit_job": Supplement(
                body=_parameters_of(job_types), headers=(_CALLBACK_URL,), callbacks=(_NEWS,)
            ),
            "job_result": Supplement(headers=(_RANGE,)),
        },
    )


def _path_parameters(job_types: Sequence[JobRegistration[Any]]) -> dict[str, JSONObject]:
    digits = JOB_ID_PATTERN.pattern.replace("a-f", "A-Fa-f")
    return {
        "asset": {
            "type": "string",
            "enum": [*ASSETS],
            "description": "the name of a file of the page",
        },
        "dead_letter_id": {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**63 - 1,
            "description": "the number of a dead letter",
        },
        "job_id": {
            "type": "string",
            "pattern": f"^{digits}$",
            "description": "the id of a job: SHA-256 of its type and parameters",
        },
        "job_type": {
            "type": "string",
            "enum": [job_type.job_type for job_type in job_types],
            "description": "the name of a job type",
        },
    }


def _parameters_of(job_types: Sequence[JobRegistration[Any]]) -> Body:
    return Body(
        description="The parameters of the job type that the path names; an empty body counts as `{}`.",
        models={job_type.job_type: job_type.parameters for job_type in job_types},
        examples={job_type.job_type: job_type.example for job_type in job_types},
    )
