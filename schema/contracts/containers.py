"""What is known of a container and of the files in it: the values that both container jobs share."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from schema.results import Contract

ContainerName = Annotated[
    str,
    Field(
        min_length=3,
        max_length=63,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        description="the container to read: 3 to 63 lower-case letters, digits and single hyphens",
    ),
]
Prefix = Annotated[
    str,
    Field(
        max_length=1_024,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="only blobs whose names start with this",
    ),
]


class FileItem(Contract):
    """A blob as it was listed. ``size`` in bytes; ``etag`` pins this very version of it."""

    name: str
    size: int
    etag: str
    last_modified: datetime
    content_type: str | None = None


class Tally(Contract):
    """How many files, and how many bytes they have together."""

    files: int
    bytes: int


def is_glob(wanted: str) -> bool:
    """Whether a filter is a glob; else it is an extension."""
    return any(char in wanted for char in "*?[")
