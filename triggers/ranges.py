"""Which bytes of an answer a caller wants (RFC 9110, section 14)."""

import re
from typing import NamedTuple

from schema.errors import RangeNotSatisfiableError

_ONE_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.IGNORECASE)


class ByteRange(NamedTuple):
    first: int
    length: int


def byte_range(header: str, size: int) -> ByteRange | None:
    """The part of ``size`` bytes that the header ``Range`` names; ``RangeNotSatisfiableError`` where there is
    none of it. ``None`` for several ranges, other units and what is malformed: all is sent then, as the
    standard allows."""
    found = _ONE_RANGE.fullmatch(header.strip())
    if found is None:
        return None
    if found[3]:
        first, last = max(0, size - int(found[3])), size - 1
    else:
        first = int(found[1])
        if found[2] and int(found[2]) < first:
            return None
        last = min(int(found[2]), size - 1) if found[2] else size - 1
    if first > last:
        raise RangeNotSatisfiableError(size)
    return ByteRange(first, last - first + 1)
