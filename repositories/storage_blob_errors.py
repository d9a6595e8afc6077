"""Turns what the storage SDK raises into what handlers understand; messages tell no address and no key."""

from collections.abc import Generator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, DeserializationError, HttpResponseError, SerializationError

from schema.errors import PermanentTaskError, RetryableTaskError, TaskError, ThrottledTaskError

# The last two are no AzureErrors.
SDK_ERRORS = (AzureError, SerializationError, DeserializationError)

_PRECONDITION_FAILED = 412
_NOT_FOUND = 404
_DENIED = frozenset({401, 403})
_THROTTLED = frozenset({429, 503})
_MAY_PASS = frozenset({408, 409, 412, 416})
_CONTAINER_GONE = frozenset({"ContainerNotFound", "ContainerDisabled", "ResourceNotFound"})
_LASTING_CONFLICTS = frozenset({"BlobArchived", "BlobImmutableDueToPolicy", "InvalidBlobType"})


@contextmanager
def mapped(container: str, blob: str | None = None) -> Generator[None]:
    """Whatever the SDK raises in the block leaves as a ``TaskError``."""
    try:
        yield
    except SDK_ERRORS as exc:
        raise task_error(exc, container, blob) from exc


def task_error(exc: Exception, container: str, blob: str | None) -> TaskError:
    """The task's error for an SDK error; without a response it is one that may pass."""
    where = f"blob {blob!r} of container {container!r}" if blob else f"container {container!r}"
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    code = error_code(exc)
    if status is None or status < 400 or status in _THROTTLED or status >= 500:  # noqa: PLR2004 -- HTTP's classes
        return _passing(status, where)
    if status == _NOT_FOUND:
        return _missing(code, container, blob)
    if status in _DENIED:
        return PermanentTaskError(f"this app may not use {where}", "BLOB_ACCESS_DENIED")
    if status == _PRECONDITION_FAILED and code in (None, "ConditionNotMet"):
        return PermanentTaskError(f"{where} was replaced since it was listed", "BLOB_CHANGED")
    if status in _MAY_PASS and code not in _LASTING_CONFLICTS:
        return _passing(status, where)
    return PermanentTaskError(f"storage refused {where}: {code or f'status {status}'}", "BLOB_REFUSED")


def error_code(exc: Exception) -> str | None:
    """The service's own code, such as ``BlobNotFound``."""
    code = getattr(exc, "error_code", None)
    return None if code is None else str(getattr(code, "value", code))


def _passing(status: int | None, where: str) -> TaskError:
    if status in _THROTTLED:
        return ThrottledTaskError(f"storage asked for patience with {where}", "BLOB_THROTTLED")
    return RetryableTaskError(f"storage did not answer as it should for {where}", "BLOB_UNAVAILABLE")


def _missing(code: str | None, container: str, blob: str | None) -> TaskError:
    if blob is None or code in _CONTAINER_GONE:
        return PermanentTaskError(f"there is no container {container!r}", "CONTAINER_NOT_FOUND")
    return PermanentTaskError(f"container {container!r} has no blob {blob!r}", "BLOB_NOT_FOUND")
