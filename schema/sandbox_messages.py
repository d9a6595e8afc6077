"""What a worker and its child process say to each other: a JSON header and a body in each frame.

Each side takes the other's frames for what a stranger says: lengths are bounded, headers are closed models.
"""

import struct
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schema.results import Contract

HEADER_BYTES = 64 * 1024
BODY_BYTES = 64 * 1024 * 1024
READ_BYTES = 8 * 1024 * 1024
"""Most that one ``Read`` asks for."""

_LENGTHS = struct.Struct("!II")

Name = Annotated[str, Field(min_length=1, max_length=200)]


class ChildLimits(Contract):
    """The limits that a child sets itself before it does anything, in bytes and seconds."""

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int


class SourceFacts(Contract):
    """A source as the child knows it; with ``path`` it is a file in the child's folder."""

    size: int
    path: str | None = None


class Start(Contract):
    """To the child, once, with the request as JSON in the body. ``parent`` is the worker's process id."""

    kind: Literal["start"] = "start"
    operations: str
    operation: str
    folder: str
    parent: int
    sources: dict[Name, SourceFacts]
    limits: ChildLimits


class Data(Contract):
    """To the child: the bytes that it asked for are the body."""

    kind: Literal["data"] = "data"


class Read(Contract):
    kind: Literal["read"] = "read"
    source: Name
    offset: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(gt=0, le=READ_BYTES)]


class Progress(Contract):
    kind: Literal["progress"] = "progress"
    fraction: Annotated[float, Field(ge=0, le=1)]


class Done(Contract):
    """The operation's result, as JSON, is the body."""

    kind: Literal["done"] = "done"


class Failed(Contract):
    """``permanent`` and ``retryable`` carry a code of the operation's own; the others have none to tell."""

    kind: Literal["failed"] = "failed"
    reason: Literal["permanent", "retryable", "memory", "disk", "unexpected"]
    code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,79}$")]
    message: Annotated[str, Field(max_length=2_000)]


ToChild = Start | Data
FromChild = Read | Progress | Done | Failed

TO_CHILD: TypeAdapter[ToChild] = TypeAdapter(Annotated[ToChild, Field(discriminator="kind")])
FROM_CHILD: TypeAdapter[FromChild] = TypeAdapter(Annotated[FromChild, Field(discriminator="kind")])


class FrameError(ValueError):
    """What came is no frame."""


def frame(message: ToChild | FromChild, body: bytes = b"") -> bytes:
    """The message as it travels: two lengths, the header as JSON, the body."""
    header = message.model_dump_json().encode()
    return _LENGTHS.pack(len(header), len(body)) + header + body


class FrameReader:
    """Puts frames together from what arrives, however it is cut."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> None:
        self._received += data

    def next(self) -> tuple[bytes, bytes] | None:
        """Header and body of the next whole frame; raises ``FrameError`` where it would be too large."""
        if len(self._received) < _LENGTHS.size:
            return None
        header, body = _LENGTHS.unpack_from(self._received)
        if header > HEADER_BYTES or body > BODY_BYTES:
            raise FrameError(f"a frame of {header} + {body} bytes is too large")
        start, end = _LENGTHS.size, _LENGTHS.size + header + body
        if len(self._received) < end:
            return None
        whole = bytes(memoryview(self._received)[start:end])
        del self._received[:end]
        return whole[:header], whole[header:]
