"""What is known of a container and of the files in it: the values that both container jobs share."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from schema.results import Contract

_EXTENSION = re.compile(r"\.?[\w+-]+(\.[\w+-]+)*")
_LONGEST_FILTER = 200

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


def is_glob(wanted: str) -> bool:
    """Whether a filter is a glob; else it is an extension."""
    return any(char in wanted for char in "*?[")


def _normalised(wanted: str) -> str:
    """``TIF``, ``tif`` and ``.tif`` are one filter, hence one job. What comes of it is a filter, too: it is
    stored, and read again."""
    if is_glob(wanted):
        return wanted
    extension = f".{wanted.lower().removeprefix('.')}"
    if not _EXTENSION.fullmatch(extension):
        raise ValueError("neither an extension such as .tif nor a glob such as scenes/*_b?.tif")
    if len(extension) > _LONGEST_FILTER:
        raise ValueError(f"an extension has at most {_LONGEST_FILTER} characters, with its dot")
    return extension


FileFilter = Annotated[
    str,
    Field(min_length=1, max_length=_LONGEST_FILTER, pattern=r"^[^\x00-\x1f\x7f]*$"),
    AfterValidator(_normalised),
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
