"""Every error the client raises on purpose.

GeoJobsError
├── ConfigurationError              the address, key or token cannot be used
├── ApiError                        the server refused; what its problem document says
│   ├── InvalidRequestError         400, 413 and others: ``errors`` names each field
│   ├── UnauthorizedError           401, 403
│   ├── NotFoundError               404
│   ├── StateConflictError          409: the job's state does not allow it
│   └── ServerError                 500 and others
│       └── ServiceUnavailableError 429, 502, 503, 504: it may be asked again
├── NoAnswerError                   no connection, or none that lasted
├── UnexpectedAnswerError           an answer that is not of this API
└── WaitTimedOutError               the job goes on, its waiter does not

None of them ever shows a key or a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from geojobs_client.models import Job


class GeoJobsError(Exception):
    """The root."""


class ConfigurationError(GeoJobsError):
    """What the client was given cannot be used; the message names it and does not show secrets."""


@dataclass(frozen=True)
class FieldError:
    """One invalid field: a JSON pointer into the body, or ``?name`` for a query parameter."""

    pointer: str
    message: str


@dataclass(frozen=True)
class Problem:
    """A problem document (RFC 9457). ``code`` is stable; ``detail`` is for people."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    correlation_id: str | None = None
    retry_after: float | None = None


class ApiError(GeoJobsError):
    """The server's refusal; its fields are those of the problem document."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"{problem.detail} ({problem.code})")

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def detail(self) -> str:
        return self.problem.detail

    @property
    def errors(self) -> Sequence[FieldError]:
        return self.problem.errors

    @property
    def correlation_id(self) -> str | None:
        """By which the server's log knows the request."""
        return self.problem.correlation_id

    @property
    def retry_after(self) -> float | None:
        """After how many seconds the server may be asked again, where it said so."""
        return self.problem.retry_after


class InvalidRequestError(ApiError):
    """What was sent cannot be used."""


class UnauthorizedError(ApiError):
    """The key or token is missing, wrong, or does not open this route."""


class NotFoundError(ApiError):
    """No such job, job type, dead letter or route."""


class StateConflictError(ApiError):
    """The job is not in a state that allows what was asked."""


class ServerError(ApiError):
    """The server's own fault."""


class ServiceUnavailableError(ServerError):
    """The server cannot serve now; what was asked may be asked again."""


class NoAnswerError(GeoJobsError):
    """Nobody answered. ``sent`` is false where the request cannot have reached the server."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


class UnexpectedAnswerError(GeoJobsError):
    """The answer is not one of this API: another server, or another version of it."""


class WaitTimedOutError(GeoJobsError):
    """The job had not ended in time; ``job`` is how it was when last seen, if it was."""

    def __init__(self, job_id: str, seconds: float, job: Job | None) -> None:
        self.job_id = job_id
        self.job = job
        state = f"still {job.status}" if job else "not seen"
        super().__init__(f"job {job_id} was {state} after {seconds:g} s")
