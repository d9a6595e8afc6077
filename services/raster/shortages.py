"""Whether an error came of too little memory or disk, whatever GDAL and rasterio made of it.

Loads nothing of GDAL: the child imports it before its limits stand.
"""

import errno
import re
from collections.abc import Iterator
from typing import Literal

Shortage = Literal["memory", "disk", "file"]
"""Of the process's memory, of the disk's space, or of what one file may have."""

_ERRNOS: dict[int | None, Shortage] = {
    errno.ENOMEM: "memory",
    errno.ENOSPC: "disk",
    errno.EDQUOT: "disk",
    errno.EFBIG: "file",
}

# GDAL tells of most only by words, its own or those of libtiff, libjpeg, OpenJPEG and the C library.
_WORDS: tuple[tuple[re.Pattern[str], Shortage], ...] = (
    (
        re.compile(
            r"(cannot|can't|could not|unable to|failed to) allocate|allocation failed|no space for"
            r"|(out of|not enough|insufficient) memory",
            re.IGNORECASE,
        ),
        "memory",
    ),
    (re.compile(r"file too large", re.IGNORECASE), "file"),
    (re.compile(r"no space left|quota exceeded|free disk space|write error", re.IGNORECASE), "disk"),
)


def shortage_of(exc: BaseException) -> Shortage | None:
    """What there was too little of, by the first of the error and its causes that tells."""
    return next((found for cause in _causes(exc) if (found := _told_by(cause)) is not None), None)


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)


def _told_by(exc: BaseException) -> Shortage | None:
    if isinstance(exc, MemoryError) or type(exc).__name__ == "CPLE_OutOfMemoryError":
        return "memory"
    if isinstance(exc, OSError) and exc.errno in _ERRNOS:
        return _ERRNOS[exc.errno]
    if not type(exc).__module__.startswith("rasterio."):
        return None
    return next((shortage for words, shortage in _WORDS if words.search(str(exc))), None)
