"""Blob storage behind a circuit breaker: while it is out of order, tasks wait instead of burning attempts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

import pybreaker

from interfaces.blobs import BlobInfo, BlobRepository
from repositories.circuits import call_through
from schema.errors import PermanentTaskError, TaskDeferredError

T = TypeVar("T")

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 30.0


def new_breaker(name: str, open_seconds: float = OPEN_SECONDS) -> pybreaker.CircuitBreaker:
    """Opens after five failures in a row; lets one call through after ``open_seconds``.

    What the caller asked wrongly (``PermanentTaskError``) is no failure of the service.
    """
    return pybreaker.CircuitBreaker(
        fail_max=FAILURES_TO_OPEN,
        reset_timeout=cast("int", open_seconds),
        exclude=[PermanentTaskError],
        name=name,
        throw_new_error_on_trip=False,
    )


class GuardedBlobRepository:
    """Implements ``interfaces.blobs.BlobRepository`` on another one. Raises ``TaskDeferredError``
    (``CIRCUIT_OPEN``) while the circuit is open."""

    def __init__(self, blobs: BlobRepository, breaker: pybreaker.CircuitBreaker) -> None:
        self._blobs = blobs
        self._breaker = breaker

    @property
    def output_container(self) -> str:
        return self._blobs.output_container

    def address_of(self, container: str, blob: str) -> str:
        return self._blobs.address_of(container, blob)

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        listed = self._blobs.list_blobs(container, prefix)
        while (blob := self._call(lambda: next(listed, None))) is not None:
            yield blob

    def info(self, container: str, blob: str) -> BlobInfo:
        return self._call(lambda: self._blobs.info(container, blob))

    def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        return self._call(lambda: self._blobs.read_range(container, blob, offset, length, etag))

    def write(self, container: str, blob: str, data: bytes, content_type: str) -> BlobInfo:
        return self._call(lambda: self._blobs.write(container, blob, data, content_type))

    def stage_block(self, container: str, blob: str, block_id: str, data: bytes) -> None:
        self._call(lambda: self._blobs.stage_block(container, blob, block_id, data))

    def commit_blocks(
        self, container: str, blob: str, block_ids: Sequence[str], content_type: str
    ) -> BlobInfo:
        return self._call(lambda: self._blobs.commit_blocks(container, blob, block_ids, content_type))

    def blocks(self, container: str, blob: str) -> Mapping[str, int]:
        return self._call(lambda: self._blobs.blocks(container, blob))

    def staged_blocks(self, container: str, blob: str) -> Mapping[str, int]:
        return self._call(lambda: self._blobs.staged_blocks(container, blob))

    def delete(self, container: str, blob: str) -> None:
        self._call(lambda: self._blobs.delete(container, blob))

    def ping(self) -> None:
        """Not guarded: health asks how the service is, not whether it was."""
        self._blobs.ping()

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return call_through(self._breaker, call)
        except pybreaker.CircuitBreakerError as exc:
            raise TaskDeferredError(
                f"{self._breaker.name} is out of order; the task waits",
                "CIRCUIT_OPEN",
                retry_after=float(self._breaker.reset_timeout),
            ) from exc
