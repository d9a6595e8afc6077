"""A remote file as GDAL may read it: by ranges, a bounded number of bytes, for a bounded time."""

import io
import os
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from schema.errors import GeojobsError

BLOCK_BYTES = 64 * 1024
MAX_BYTES = 16 * 1024 * 1024
MAX_SECONDS = 60.0

_KEPT_BLOCKS = 64

ReadRange = Callable[[int, int], bytes]


class HeaderLimitError(Exception):
    """More was read, or it took longer, than any sound header needs; ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RangeSource:
    """Reads blocks through ``read`` and keeps the latest. ``head`` is the file's start, already read.

    GDAL's callbacks must not raise: what goes wrong is kept in ``failure``, and from then on there is
    nothing to read.
    """

    def __init__(
        self,
        read: ReadRange,
        size: int,
        head: bytes = b"",
        *,
        max_bytes: int = MAX_BYTES,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self.size = size
        self.failure: GeojobsError | HeaderLimitError | None = None
        self.fetched = len(head)
        self._read = read
        self._max_bytes = max_bytes
        self._deadline = monotonic() + max_seconds
        self._blocks: dict[int, bytes] = {}
        if len(head) >= min(size, BLOCK_BYTES):
            self._blocks[0] = head[:BLOCK_BYTES]

    def at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; none after a failure."""
        end = min(self.size, offset + length)
        parts: list[bytes] = []
        while offset < end and self.failure is None:
            number, start = divmod(offset, BLOCK_BYTES)
            part = self._block(number)[start : start + end - offset]
            if not part:
                break
            parts.append(part)
            offset += len(part)
        return b"" if self.failure else b"".join(parts)

    def _block(self, number: int) -> bytes:
        block = self._blocks.pop(number, None)
        if block is None:
            block = self._fetched(number)
        self._blocks[number] = block
        while len(self._blocks) > _KEPT_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        return block

    def _fetched(self, number: int) -> bytes:
        try:
            self._demand_within_limits()
            block = self._read(number * BLOCK_BYTES, BLOCK_BYTES)
        except (GeojobsError, HeaderLimitError) as exc:
            self.failure = exc
            return b""
        self.fetched += len(block)
        return block

    def _demand_within_limits(self) -> None:
        if self.fetched + BLOCK_BYTES > self._max_bytes:
            raise HeaderLimitError(
                "RASTER_HEADER_TOO_LARGE", f"the header takes more than {self._max_bytes} bytes to read"
            )
        if monotonic() > self._deadline:
            raise HeaderLimitError("RASTER_HEADER_TIMED_OUT", "reading the header took too long")


class Ranges(Protocol):
    """What a ``RangeFile`` reads from."""

    size: int

    def at(self, offset: int, length: int) -> bytes: ...


class RangeFile(io.RawIOBase):
    """One open handle on a source, with a position of its own."""

    def __init__(self, source: Ranges) -> None:
        super().__init__()
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._source.size if size is None or size < 0 else size
        data = self._source.at(self._position, wanted)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size}
        self._position = bases[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position
