"""A source of the child as GDAL may read it: by ranges, with a cache that reads ahead."""

import threading
from collections.abc import Callable

from schema.errors import GeojobsError, RetryableTaskError
from schema.sandbox_messages import READ_BYTES

BLOCK_BYTES = 256 * 1024

_KEPT_BLOCKS = 256  # 64 MB
_MOST_AHEAD = 16  # 4 MB

ReadRange = Callable[[int, int], bytes]


class CachedRanges:
    """Reads aligned blocks through ``read`` and keeps the latest 64 MB of them.

    What follows upon what was read last is read in ever longer pieces, up to 4 MB, so that a header costs
    little and a whole file few calls. GDAL's callbacks must not raise: what goes wrong is kept in
    ``failure``, and from then on there is nothing to read; an answer that is too short is one such thing
    (``RetryableTaskError``, ``BLOB_UNAVAILABLE``). May be used by several threads.
    """

    def __init__(self, read: ReadRange, size: int) -> None:
        self.size = size
        self.failure: GeojobsError | None = None
        self._read = read
        self._lock = threading.Lock()
        self._blocks: dict[int, bytes] = {}
        self._expected = -1
        self._ahead = 1

    def at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; none after a failure."""
        end = min(self.size, offset + length)
        parts: list[bytes] = []
        with self._lock:
            while offset < end and self.failure is None:
                number, start = divmod(offset, BLOCK_BYTES)
                part = self._block(number, -(-end // BLOCK_BYTES))[start : start + end - offset]
                if not part:
                    break
                parts.append(part)
                offset += len(part)
            return b"" if self.failure else b"".join(parts)

    def _block(self, number: int, end: int) -> bytes:
        """The block, fetched if need be, together with others before ``end`` that are wanted as well."""
        if number not in self._blocks:
            self._fetch(number, end)
        block = self._blocks.pop(number, b"")
        self._blocks[number] = block
        return block

    def _fetch(self, number: int, end: int) -> None:
        self._ahead = min(2 * self._ahead, _MOST_AHEAD) if number == self._expected else 1
        wanted = min(max(end - number, self._ahead), READ_BYTES // BLOCK_BYTES)
        length = min(wanted * BLOCK_BYTES, self.size - number * BLOCK_BYTES)
        try:
            data = self._read(number * BLOCK_BYTES, length)
        except GeojobsError as exc:
            self.failure = exc
            return
        if len(data) < length:
            self.failure = RetryableTaskError("a source was read in part only", "BLOB_UNAVAILABLE")
            return
        for start in range(0, len(data), BLOCK_BYTES):
            self._blocks[number + start // BLOCK_BYTES] = data[start : start + BLOCK_BYTES]
        self._expected = number + wanted
        while len(self._blocks) > _KEPT_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
