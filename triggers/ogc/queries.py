"""The query parameters of OGC API - Processes, under the standard's names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from schema.identity import JOB_ID_PATTERN
from schema.ogc import EntityType, StatusCode
from triggers.query import CURSOR_SCHEMA, OPAQUE, Moment, Query, Text, WholeNumber

_MORE = "taken from the link to the next page"
_LARGEST_LIMIT = 10_000
_LONGEST_SECONDS = 1_000_000_000
_LONGEST_INTERVAL = 100
_OPEN = ("", "..")
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


def _split(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _an_interval(text: str) -> str:
    try:
        interval_of(text)
    except (ValidationError, ValueError):
        raise PydanticCustomError(
            "interval", "must be an RFC 3339 time, or two with a slash between; .. stands for no end"
        ) from None
    return text


def interval_of(text: str) -> tuple[datetime | None, datetime | None]:
    """From and until, both included; raises ``ValueError`` for what is no interval."""
    first, slash, last = text.partition("/")
    if not slash:
        moment = _MOMENT.validate_python(text)
        return moment, moment
    if first in _OPEN and last in _OPEN:
        raise ValueError("one end must be there")
    return _end_of(first), _end_of(last)


def _end_of(text: str) -> datetime | None:
    return None if text in _OPEN else _MOMENT.validate_python(text)


_Separated = BeforeValidator(_split)
_Limit = Annotated[int, WholeNumber(1, _LARGEST_LIMIT)]
_Seconds = Annotated[int, WholeNumber(0, _LONGEST_SECONDS)]


class ProcessesQuery(Query):
    limit: _Limit = Field(10, description="most processes on a page")
    cursor: Annotated[tuple[Text], OPAQUE, CURSOR_SCHEMA] | None = Field(None, description=_MORE)


class JobListQuery(Query):
    """Lists are separated by commas."""

    limit: _Limit = Field(10, description="most jobs on a page; there are never more than 1,000")
    type: Annotated[tuple[EntityType, ...], _Separated] | None = Field(
        None, description="only jobs of these kinds; there is one"
    )
    processID: Annotated[tuple[Text, ...], _Separated] | None = Field(  # noqa: N815 -- the standard's name
        None, description="only jobs of these processes"
    )
    status: Annotated[tuple[StatusCode, ...], _Separated] | None = Field(
        None, description="only jobs in these states"
    )
    datetime: Annotated[str, Field(max_length=_LONGEST_INTERVAL), AfterValidator(_an_interval)] | None = (
        Field(None, description="only jobs created at this time, or in this interval (from/until)")
    )
    minDuration: _Seconds | None = Field(  # noqa: N815 -- the standard's name
        None, description="only jobs that took, or have been running for, so many seconds or more"
    )
    maxDuration: _Seconds | None = Field(  # noqa: N815 -- the standard's name
        None, description="only jobs that took, or have been running for, so many seconds or less"
    )
    cursor: (
        Annotated[
            tuple[Moment, Annotated[str, Field(pattern=f"^{JOB_ID_PATTERN.pattern}$")]],
            OPAQUE,
            CURSOR_SCHEMA,
        ]
        | None
    ) = Field(None, description=_MORE)


def address_of(path: str, query: Query, **changes: str) -> str:
    """The path with what was asked for, and the changes."""
    asked: Mapping[str, Any] = query.model_dump(mode="json", exclude_unset=True, exclude={"cursor"})
    given = {
        name: ",".join(map(str, cast("list[object]", value))) if isinstance(value, list) else value
        for name, value in asked.items()
        if value is not None
    }
    text = urlencode({**given, **changes}, safe=",:/")
    return f"{path}?{text}" if text else path
