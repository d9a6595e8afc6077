"""The running app answers every route as its OpenAPI document says, whatever is sent (schemathesis)."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from schemathesis import CheckFunction, Response
from schemathesis.specs.openapi.checks import negative_data_rejection

from registration import JOBS
from schema.access import AuthMode
from schema.queues import TASK_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import FUNCTION_KEY, MASTER_KEY, Host, encoded
from triggers.api_document import api_document
from triggers.blueprints import ROUTES

EXAMPLES = 10
KEY = {"x-functions-key": MASTER_KEY}
KEYS = {"DEVHOST_FUNCTION_KEY": FUNCTION_KEY, "DEVHOST_MASTER_KEY": MASTER_KEY}
MOST_TASKS = 20
SUBMIT = "/jobs/submit/{job_type}"

CONFIG = schemathesis.Config.from_dict(
    {
        "generation": {
            "deterministic": True,
            "max-examples": EXAMPLES,
            "database": "none",
            "with-security-parameters": False,
        },
        # the platform answers 404 where a path has no function for the method
        "checks": {"unsupported_method": {"enabled": False}},
        "operations": [
            # parameters of one job type are sent to another, too
            {
                "include-operation-id": "submit_job",
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404"]}},
            }
        ],
    }
)
DOCUMENT = api_document(ROUTES, sorted(JOBS, key=lambda job: job.job_type), AuthMode.KEYS)
API = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)


@pytest.fixture(scope="module")
def keyed(module_hosts: HostFactory) -> Host:
    """A host with jobs that completed and failed, and with dead letters."""
    host = module_hosts(
        queues={"visibilityTimeout": "00:00:00"}, AUTH_MODE="keys", ALLOW_SCHEMA_RESET="false", **KEYS
    )
    host.http.headers.update(KEY)
    host.run(n=2)
    host.run(n=2, fail_at=0)
    with host.queue(TASK_QUEUE) as queue:
        for _ in range(3):
            queue.send_message(encoded(b"no message"))
    host.wait_for_rows("select 1 from app.dead_letters where verdict is not null having count(*) = 3")
    return host


@pytest.fixture(scope="module")
def known(keyed: Host) -> Mapping[str, Iterator[Any]]:
    """What is there, by the name that it has in paths."""
    jobs = [row["job_id"] for row in keyed.rows("select job_id from app.jobs order by created_at")]
    letters = keyed.rows("select dead_letter_id as number from app.dead_letters order by 1")
    return {
        "turn": cycle((True, False)),
        "job_id": cycle(jobs),
        "dead_letter_id": cycle(row["number"] for row in letters),
    }


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@API.parametrize()
def test_a_route_answers_as_documented(
    case: Any, keyed: Host, known: Mapping[str, Iterator[Any]], session: requests.Session
) -> None:
    if case.meta is not None and case.meta.generation.mode.is_positive:
        make_sense(case, keyed, known)
    plan_only_what_is_large(case)
    sending = {"base_url": str(keyed.http.base_url), "session": session, "headers": KEY}
    response = case.call(**sending)
    case.validate_response(
        response, headers=KEY, transport_kwargs=sending, excluded_checks=not_to_be_asked(response)
    )


def not_to_be_asked(response: Response) -> list[CheckFunction]:
    """The platform does not pass on a query parameter without a value: it is as if it were not there."""
    sent = parse_qsl(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    return [negative_data_rejection] if any(not value for _, value in sent) else []


def make_sense(case: Any, host: Host, known: Mapping[str, Iterator[Any]]) -> None:
    """What no schema says of acceptable values; and in half of the cases what is named is there."""
    for name, value in list(case.query.items()):
        if name == "cursor":
            first = host.http.get(case.formatted_path, params={"limit": 1})
            case.query[name] = first.json().get("next_cursor") if first.status_code == 200 else None
        elif isinstance(value, str):
            case.query[name] = "".join(filter(str.isprintable, value)) or "x"
    case.query = {name: value for name, value in case.query.items() if value is not None}
    if next(known["turn"]):
        for name in case.path_parameters.keys() & known.keys():
            case.path_parameters[name] = next(known[name])


def plan_only_what_is_large(case: Any) -> None:
    tasks = case.body.get("n", 0) if isinstance(case.body, dict) else 0
    if case.path == SUBMIT and isinstance(tasks, int | float) and tasks > MOST_TASKS:
        case.query["dry_run"] = True
