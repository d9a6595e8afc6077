"""The running app answers every route as its OpenAPI document says, whatever is sent (schemathesis)."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from itertools import count, cycle
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from pydantic import BaseModel, ValidationError
from schemathesis import CheckFunction, Response
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
)

from registration import JOBS
from schema.access import AuthMode
from schema.callbacks import CALLBACK_HEADER
from schema.queues import JOB_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import FUNCTION_KEY, MASTER_KEY, Host, encoded
from triggers.api_document import api_document
from triggers.blueprints import ROUTES
from triggers.ogc.document import ogc_document

EXAMPLES = 40
KEY = {"x-functions-key": MASTER_KEY}
KEYS = {"DEVHOST_FUNCTION_KEY": FUNCTION_KEY, "DEVHOST_MASTER_KEY": MASTER_KEY}
MOST_TASKS = 20
SUBMIT = "/jobs/submit/{job_type}"
WANTED = ("document", "raw", "raw.replies", "raw.message-ref", "raw.message.replies-ref", "any.message")
STOPPING = ("POST /jobs/{job_id}/cancel", "DELETE /ogc/jobs/{ogc_job_id}")

CONFIG = schemathesis.Config.from_dict(
    {
        "generation": {
            "deterministic": True,
            "max-examples": EXAMPLES,
            "database": "none",
            "with-security-parameters": False,
        },
        # the platform answers 404 where a path has no function for the method
        "phases": {"coverage": {"unexpected-methods": []}},
        "checks": {"unsupported_method": {"enabled": False}},
        "operations": [
            # a schema cannot say all of what makes a filter
            {
                "include-operation-id": "submit_job",
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400"]}},
            },
            # which inputs a process takes stands in its description
            {
                "include-operation-id": "execute",
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404"]}},
            },
            # a result may be shorter than the range that is asked for
            {
                "include-operation-id": "job_result",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "404", "409", "416"]}
                },
            },
            # where the results would be, the standard wants the error of a job that failed
            {
                "include-operation-id": "getResult",
                "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "4xx", "500"]}},
            },
        ],
    }
)
DOCUMENT = api_document(ROUTES, sorted(JOBS, key=lambda job: job.job_type), AuthMode.KEYS)
API = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)
OGC_API = schemathesis.openapi.from_dict(ogc_document(AuthMode.KEYS, "/api"), config=CONFIG)


@pytest.fixture(scope="module")
def keyed(module_hosts: HostFactory) -> Host:
    """A host with jobs that completed and failed, and with dead letters."""
    host = module_hosts(
        queues={"visibilityTimeout": "00:00:00"}, AUTH_MODE="keys", ALLOW_SCHEMA_RESET="false", **KEYS
    )
    host.http.headers.update(KEY)
    job_id = host.run(n=2)["job_id"]
    host.run(n=2, fail_at=0)
    named = {"job_id": job_id, "run": 1, "stage": 1, "correlation_id": "c", "unknown": True}
    with host.queue(JOB_QUEUE) as queue:
        for body in (b"no message", json.dumps(named).encode()):
            queue.send_message(encoded(body))
    host.wait_for_rows("select 1 from app.dead_letters where verdict is not null having count(*) = 2")
    return host


@pytest.fixture(scope="module")
def sender(keyed: Host) -> Iterator["Sender"]:
    with requests.Session() as session:
        session.trust_env = False
        yield Sender(keyed, session)


@API.parametrize()
def test_a_route_answers_as_documented(case: Any, sender: "Sender") -> None:
    sender.send(case)


@OGC_API.parametrize()
def test_a_route_of_the_standard_answers_as_documented(case: Any, sender: "Sender") -> None:
    sender.send(case)


class Sender:
    """Sends what was generated, with the master key, and holds the answer to the document."""

    def __init__(self, host: Host, session: requests.Session) -> None:
        self._host = host
        self._sending = {"base_url": str(host.http.base_url), "session": session, "headers": KEY}
        jobs = [row["job_id"] for row in host.rows("select job_id from app.jobs order by created_at")]
        letters = host.rows("select dead_letter_id as number from app.dead_letters order by 1")
        self._there = {
            "job_id": cycle(jobs),
            "ogc_job_id": cycle([*jobs, *(f"{jobs[0]}.{wanted}" for wanted in WANTED)]),
            "process_id": cycle(job.job_type for job in JOBS),
            "dead_letter_id": cycle(row["number"] for row in letters),
        }
        self._turns = cycle((True, False))
        self._numbers = count()
        self._closed: set[str] = set()

    def send(self, case: Any) -> None:
        if case.meta is not None and case.meta.generation.mode.is_positive:
            self._make_sense(case)
        plan_only_what_is_large(case)
        response = case.call(**self._sending)
        left_out = not_to_be_asked(response)
        label = case.operation.label
        if label in self._closed:
            left_out.append(ignored_auth)
        case.validate_response(
            response, headers=KEY, transport_kwargs=self._sending, excluded_checks=left_out
        )
        if response.status_code < 300:  # then it was also tried without a key and with a wrong one
            self._closed.add(label)

    def _make_sense(self, case: Any) -> None:
        """What no schema says of acceptable values; and in half of the cases what is named is there."""
        if next(self._turns):
            for name in case.path_parameters.keys() & self._there.keys():
                running = case.operation.label in STOPPING
                case.path_parameters[name] = self._running() if running else next(self._there[name])
        if case.path == SUBMIT:
            case.path_parameters["job_type"] = job_type_of(case.body)
            case.headers.pop(CALLBACK_HEADER, None)  # no host may be called from here
        sensible = {name: self._sensible(case, name, value) for name, value in case.query.items()}
        case.query = {name: value for name, value in sensible.items() if value is not None}

    def _running(self) -> str:
        return self._host.submit(n=MOST_TASKS, message=f"to be stopped, {next(self._numbers)}")

    def _sensible(self, case: Any, name: str, value: Any) -> Any:
        if name == "cursor" and isinstance(value, str):
            first = self._host.http.get(case.formatted_path.lstrip("/"), params={"limit": 1})
            return next_cursor(first.json()) if first.status_code == 200 else None
        if name == "datetime":
            return "2020-01-01T00:00:00Z/.."
        return "".join(filter(str.isprintable, value)) or "x" if isinstance(value, str) else value


def next_cursor(page: dict[str, Any]) -> str | None:
    """What a page says of the next one: by itself, or in a link."""
    for link in page.get("links", ()):
        if isinstance(link, dict) and link["rel"] == "next":
            return dict(parse_qsl(urlsplit(link["href"]).query))["cursor"]
    return page.get("next_cursor")


def not_to_be_asked(response: Response) -> list[CheckFunction]:
    """The platform does not pass on a query parameter without a value: it is as if it were not there. And a
    part of a JSON text is none."""
    sent = parse_qsl(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    left_out: list[CheckFunction] = []
    if any(not value for _, value in sent):
        left_out.append(negative_data_rejection)
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        left_out.append(response_schema_conformance)
    return left_out


def job_type_of(body: Any) -> str:
    """A type that takes these parameters, if there is one; without any, one that needs none."""
    given = body if isinstance(body, dict) else {}
    return next((job.job_type for job in JOBS if fits(job.parameters, given)), JOBS[0].job_type)


def fits(model: type[BaseModel], given: dict[str, Any]) -> bool:
    try:
        model.model_validate(given)
    except ValidationError:
        return False
    return True


def plan_only_what_is_large(case: Any) -> None:
    tasks = case.body.get("n", 0) if isinstance(case.body, dict) else 0
    if case.path == SUBMIT and isinstance(tasks, int | float) and tasks > MOST_TASKS:
        case.query["dry_run"] = True
