"""Every error the project raises on purpose.

GeojobsError
├── InputError                      the caller can mend it
│   ├── MalformedJsonError
│   ├── InvalidParametersError      names each field
│   │   └── ConfirmationMissingError
│   ├── InvalidIdentifierError
│   ├── UnknownJobTypeError         lists those there are
│   ├── BodyTooLargeError
│   ├── JobNotFoundError
│   ├── DeadLetterNotFoundError
│   ├── AssetNotFoundError
│   ├── JobStateConflictError       the job is not in a state that allows it
│   ├── ResultNotReadyError         the job has not ended
│   ├── JobHasNoResultError         it ended without
│   ├── TooManyCallbacksError       the run of the job has as many as it may have
│   ├── ResultTooLargeError         it is to be read in parts
│   ├── RangeNotSatisfiableError    there is no such part of it
│   ├── ResetForbiddenError
│   ├── UnauthenticatedError        nobody knows who calls
│   └── PermissionMissingError      the caller's roles do not grant it
├── CatalogError                    the app is put together wrongly; it does not start
│   ├── DuplicateRegistrationError
│   ├── UnknownTaskTypeError        lists those there are
│   └── IncompleteCatalogError
├── ContractViolationError          a controller or handler broke its contract
├── MessageError                    a queue message cannot be used
│   ├── MessageExtractionError
│   ├── MessageParsingError
│   └── MessageLookupError
├── TaskError                       how a handler says what kind of failure it met
│   ├── RetryableTaskError
│   ├── ThrottledTaskError
│   ├── TaskDeferredError           the task waits; the attempt does not count
│   ├── PermanentTaskError
│   ├── TaskTimedOutError
│   └── TaskCancelledError
├── LeaseLostError                  another worker has the task now
├── ConfigurationError
└── ServiceUnavailableError         a server this app needs does not answer
    ├── DatabaseUnavailableError
    ├── QueueUnavailableError
    ├── BlobUnavailableError
    └── BusyError                   this process does as much of it as it may

``code`` is stable and part of the API; messages are for people and may change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar


class GeojobsError(Exception):
    """The root; ``code`` names the kind of error in the API, in rows and in logs.

    ``ask_again_after`` is how many seconds to wait where the same request may go well later.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    ask_again_after: ClassVar[int | None] = None


class InputError(GeojobsError):
    """What the caller sent cannot be used; the message says what, where and what would be right."""

    code = "INVALID_INPUT"


class MalformedJsonError(InputError):
    """The text is not the JSON that was expected."""

    code = "MALFORMED_JSON"


@dataclass(frozen=True)
class FieldError:
    """One invalid field: ``pointer`` is an RFC 6901 JSON pointer into the body."""

    pointer: str
    message: str


class InvalidParametersError(InputError):
    """Parameters do not fit their model; ``errors`` holds one entry for each invalid field."""

    code = "INVALID_PARAMETERS"

    def __init__(self, subject: str, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        listed = "; ".join(f"{error.pointer or '/'}: {error.message}" for error in self.errors)
        super().__init__(f"{subject}: {listed}")


class InvalidIdentifierError(InputError):
    """A job or task id is not written as ids are."""

    code = "INVALID_IDENTIFIER"


class BodyTooLargeError(InputError):
    """The request's body is larger than is accepted."""

    code = "BODY_TOO_LARGE"


class JobNotFoundError(InputError):
    """No job has this id."""

    code = "JOB_NOT_FOUND"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no job has the id {job_id}")


class DeadLetterNotFoundError(InputError):
    """No dead letter has this number."""

    code = "DEAD_LETTER_NOT_FOUND"

    def __init__(self, dead_letter_id: int) -> None:
        super().__init__(f"no dead letter has the number {dead_letter_id}")


class AssetNotFoundError(InputError):
    """A page of this app has no file of this name."""

    code = "ASSET_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no file {name[:80]!r}")


class JobStateConflictError(InputError):
    """The job's state does not allow what was asked; the message names the state and those that would."""

    code = "JOB_STATE_CONFLICT"


class ResultNotReadyError(InputError):
    """The job has not ended."""

    code = "RESULT_NOT_READY"
    ask_again_after = 1


class JobHasNoResultError(InputError):
    """The job ended without a result; the message names the code of its error."""

    code = "JOB_HAS_NO_RESULT"


class ResultTooLargeError(InputError):
    """The result is larger than one answer may be."""

    code = "RESULT_TOO_LARGE"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the result has {size} bytes and an answer at most {limit}: read it in parts from"
            f" jobs/{{job_id}}/result, each by a header such as 'Range: bytes=0-{limit - 1}'"
        )


class RangeNotSatisfiableError(InputError):
    """None of the bytes that were asked for exists."""

    code = "RANGE_NOT_SATISFIABLE"

    def __init__(self, size: int) -> None:
        super().__init__(f"there are {size} bytes, and none of those that were asked for is among them")


class ConfirmationMissingError(InvalidParametersError):
    """A destructive call came without ``confirm=yes``."""

    code = "CONFIRMATION_MISSING"

    def __init__(self, subject: str) -> None:
        super().__init__(subject, [FieldError("?confirm", "must be yes")])


class TooManyCallbacksError(InputError):
    """The run of the job has as many callbacks as it may have."""

    code = "TOO_MANY_CALLBACKS"


class ResetForbiddenError(InputError):
    """This deployment does not allow its schema to be reset."""

    code = "RESET_FORBIDDEN"


def _known(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class UnknownJobTypeError(InputError):
    """No controller defines this job type; the message lists those there are."""

    code = "UNKNOWN_JOB_TYPE"

    def __init__(self, job_type: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown job type {job_type[:80]!r}; known: {_known(known)}")


class UnauthenticatedError(InputError):
    """Nobody knows who calls."""

    code = "UNAUTHENTICATED"


class PermissionMissingError(InputError):
    """The caller's roles do not grant what was asked for."""

    code = "PERMISSION_MISSING"


class CatalogError(GeojobsError):
    """Job and task catalogs do not fit together."""

    code = "CATALOG_ERROR"


class DuplicateRegistrationError(CatalogError):
    """A name was registered twice."""

    code = "DUPLICATE_REGISTRATION"


class UnknownTaskTypeError(CatalogError):
    """No handler runs this task type; the message lists those there are."""

    code = "UNKNOWN_TASK_TYPE"

    def __init__(self, task_type: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown task type {task_type!r}; known: {_known(known)}")


class IncompleteCatalogError(CatalogError):
    """A stage names a task type that no handler runs, or one with another contract."""

    code = "INCOMPLETE_CATALOG"


class ContractViolationError(GeojobsError):
    """A value that crosses the engine's boundary is not what its contract says."""

    code = "CONTRACT_VIOLATION"

    def __init__(self, contract: str, field: str, producer: str, expected: str) -> None:
        self.contract, self.field, self.producer, self.expected = contract, field, producer, expected
        super().__init__(f"contract {contract}, field {field}: {producer} should have produced {expected}")


class MessageError(GeojobsError):
    """A queue message cannot be processed as it is."""

    code = "MESSAGE_ERROR"


class MessageExtractionError(MessageError):
    """The message's body is not UTF-8 text of a sensible size."""

    code = "MESSAGE_NOT_EXTRACTED"


class MessageParsingError(MessageError):
    """The message's text is not the JSON that its queue carries."""

    code = "MESSAGE_NOT_PARSED"


class MessageLookupError(MessageError):
    """The message names a job or task that the database does not have."""

    code = "MESSAGE_NOT_FOUND"


class TaskError(GeojobsError):
    """A handler's failure, by kind; anything else a handler raises counts as retryable once.

    ``retry_after`` is the least that the next attempt waits, in seconds.
    """

    code = "TASK_FAILED"

    def __init__(self, message: str, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.error_code = code or self.code
        self.retry_after = retry_after


class RetryableTaskError(TaskError):
    """It may go well next time."""

    code = "TASK_FAILED_RETRYABLE"


class ThrottledTaskError(TaskError):
    """The other side asked for patience; the next attempt waits longer."""

    code = "TASK_THROTTLED"


class TaskDeferredError(TaskError):
    """What the task needs is not to be had now, through no fault of its own: it waits ``retry_after``
    seconds, and the attempt does not count."""

    code = "TASK_DEFERRED"


class TaskTimedOutError(TaskError):
    """The attempt reached its deadline."""

    code = "TASK_TIMED_OUT"


class PermanentTaskError(TaskError):
    """It will not go well next time either."""

    code = "TASK_FAILED_PERMANENT"


class TaskCancelledError(TaskError):
    """The handler stopped because it was asked to."""

    code = "TASK_CANCELLED"


class LeaseLostError(GeojobsError):
    """The task's lease went to another worker: this one must not write any more."""

    code = "LEASE_LOST"


class ConfigurationError(GeojobsError):
    """The environment does not give what the app needs; the message names the setting."""

    code = "CONFIGURATION_ERROR"


class ServiceUnavailableError(GeojobsError):
    """A server this app needs does not answer; what was asked may be asked again."""

    code = "SERVICE_UNAVAILABLE"
    ask_again_after = 5


class DatabaseUnavailableError(ServiceUnavailableError):
    """PostgreSQL does not answer or is not ready."""

    code = "DATABASE_UNAVAILABLE"


class QueueUnavailableError(ServiceUnavailableError):
    """The storage queue does not answer."""

    code = "QUEUE_UNAVAILABLE"


class BlobUnavailableError(ServiceUnavailableError):
    """Blob storage does not answer."""

    code = "BLOB_UNAVAILABLE"


class BusyError(ServiceUnavailableError):
    """This process does as much of what was asked for as it may at once."""

    code = "BUSY"
