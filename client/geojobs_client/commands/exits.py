"""What an exit code says; scripts rely on these numbers, ``client/README.md`` lists them."""

from enum import IntEnum

from geojobs_client.errors import (
    ConfigurationError,
    GeoJobsError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    ServiceUnavailableError,
    StateConflictError,
    UnauthorizedError,
    WaitTimedOutError,
)
from geojobs_client.models import JobStatus


class Exit(IntEnum):
    OK = 0
    ERROR = 1
    USAGE = 2
    JOB_FAILED = 3
    JOB_CANCELLED = 4
    JOB_HAD_ERRORS = 5
    NOT_FOUND = 6
    CONFLICT = 7
    UNAUTHORIZED = 8
    UNAVAILABLE = 9
    WAIT_TIMED_OUT = 10
    INTERRUPTED = 130


_OF_ERRORS: tuple[tuple[type[GeoJobsError], Exit], ...] = (
    (ConfigurationError, Exit.USAGE),
    (InvalidRequestError, Exit.USAGE),
    (NotFoundError, Exit.NOT_FOUND),
    (StateConflictError, Exit.CONFLICT),
    (UnauthorizedError, Exit.UNAUTHORIZED),
    (ServiceUnavailableError, Exit.UNAVAILABLE),
    (NoAnswerError, Exit.UNAVAILABLE),
    (WaitTimedOutError, Exit.WAIT_TIMED_OUT),
)

_OF_JOBS: dict[str, Exit] = {
    JobStatus.FAILED: Exit.JOB_FAILED,
    JobStatus.CANCELLED: Exit.JOB_CANCELLED,
    JobStatus.COMPLETED_WITH_ERRORS: Exit.JOB_HAD_ERRORS,
}


def exit_of_error(error: GeoJobsError) -> Exit:
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), Exit.ERROR)


def exit_of_job(status: str) -> Exit:
    """How a command ends that waited for a job."""
    return _OF_JOBS.get(status, Exit.OK)
