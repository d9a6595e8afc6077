"""A server that answers what a test says, and a clock that only moves when somebody sleeps."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from geojobs_client import GeoJobs

URL = "http://jobs.example/api"
JOB_ID = "0123456789abcdef" * 4
KEY = "the-key-that-nobody-may-see"
TOKEN = "the-token-that-nobody-may-see"

Answer = httpx.Response | Exception
Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class FakeClock:
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class FakeServer:
    """Gives its answers one after another, the last again and again, and keeps what it was asked."""

    def __init__(self, *answers: Answer | Handler) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: Sequence[Answer | Handler] = answers

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def request(self) -> httpx.Request:
        """The only one there was."""
        (request,) = self.requests
        return request

    def client(self, clock: FakeClock | None = None, **options: Any) -> GeoJobs:
        transport = httpx.MockTransport(self)
        return GeoJobs(
            **{"url": URL, "transport": transport, "clock": clock or FakeClock(), "retries": 0, **options}
        )


def ok(body: object = None, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={} if body is None else body, headers=_headers(headers))


def problem(status: int, code: str = "SOME_CODE", detail: str = "it is so", **more: Any) -> httpx.Response:
    headers = {"Content-Type": "application/problem+json", **_headers(more.pop("headers", {}))}
    document = {"type": "urn:x", "title": "T", "status": status, "detail": detail, "code": code, **more}
    return httpx.Response(status, content=json.dumps(document), headers=headers)


def job(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {
        "job_id": JOB_ID,
        "job_type": "hello_world",
        "status": status,
        "run": 1,
        "stage": 1,
        "total_stages": 2,
        "progress": 50.0,
        "estimated_seconds_left": None,
        "stages": [
            {
                "stage": 1,
                "name": "greetings",
                "status": "open",
                "expected": 4,
                "completed": 2,
                "failed": 0,
                "running": 1,
            }
        ],
        "parameters": {"n": 4},
        "stage_results": {},
        "result_data": None,
        "error": None,
        "correlation_id": "c1",
        "created_at": "2026-01-31T12:00:00Z",
        "started_at": None,
        "finished_at": None,
        "updated_at": "2026-01-31T12:00:00Z",
        "links": {"self": f"/api/jobs/status/{JOB_ID}"},
        **fields,
    }


def submission(**fields: Any) -> dict[str, Any]:
    return {
        "job_id": JOB_ID,
        "job_type": "hello_world",
        "status": "queued",
        "created": True,
        "run": 1,
        "parameters": {"n": 4},
        "links": {},
        **fields,
    }


def event(number: int, second: float = 0.0) -> dict[str, Any]:
    return {
        "event_id": number,
        "at": 1_800_000_000 + second,
        "run": 1,
        "stage": 1,
        "task_id": f"t{number}",
        "attempt": 1,
        "entity": "task",
        "from_status": "queued",
        "event": "claimed",
        "to_status": "processing",
        "actor": "worker",
        "correlation_id": None,
        "details": None,
    }


def _headers(names: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in names.items()}
