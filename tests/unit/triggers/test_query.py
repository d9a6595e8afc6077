"""Query parameters: what is taken, what is refused, and that the refusal names the parameter."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from pydantic import Field

from schema.errors import InvalidParametersError
from schema.states import JobStatus
from triggers import query
from triggers.query import CURSOR_SCHEMA, OPAQUE, Flag, Moment, NoQuery, Query, Text, WholeNumber


class Trial(Query):
    limit: Annotated[int, WholeNumber(1, 1_000)] = 10
    status: JobStatus | None = None
    job_type: Text | None = None
    since: Moment | None = None
    dry_run: Flag = False
    cursor: Annotated[tuple[Annotated[int, Field(strict=True)], str], OPAQUE, CURSOR_SCHEMA] | None = None


def value_of(name: str, given: Mapping[str, str]) -> Any:
    return getattr(query.read(Trial, given), name)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("limit", {}, 10),
        ("limit", {"limit": "1"}, 1),
        ("limit", {"limit": "1000"}, 1000),
        ("limit", {"limit": "007"}, 7),
        ("status", {}, None),
        ("status", {"status": "failed"}, JobStatus.FAILED),
        ("job_type", {}, None),
        ("job_type", {"job_type": "héllo"}, "héllo"),
        ("since", {}, None),
        ("since", {"since": "2026-01-31T12:00:00Z"}, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("since", {"since": "2026-01-31T12:00:00"}, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("dry_run", {}, False),
        ("dry_run", {"dry_run": "True"}, True),
        ("dry_run", {"dry_run": "false"}, False),
        ("cursor", {}, None),
    ],
)
def test_a_good_value_is_read(name: str, given: Mapping[str, str], value: object) -> None:
    assert value_of(name, given) == value


def test_a_plus_that_a_url_turned_into_a_blank_is_an_offset() -> None:
    moment = value_of("since", {"since": "2026-01-31T12:00:00 02:00"})
    assert moment is not None
    assert moment.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", ""),
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "-5"),
        ("limit", "+5"),
        ("limit", "5.0"),
        ("limit", "1e2"),
        ("limit", " 5"),
        ("limit", "\u0665"),
        ("limit", "²"),
        ("limit", "9" * 5_000),
        ("status", ""),
        ("status", "Failed"),
        ("job_type", ""),
        ("job_type", "x" * 201),
        ("job_type", "a\0b"),
        ("job_type", "a\nb"),
        ("job_type", "\ud800"),
        ("since", ""),
        ("since", "yesterday"),
        ("since", "1767225600"),
        ("since", "0.5"),
        ("since", "2026-01-31"),
        ("since", "2026-02-30T00:00:00Z"),
        ("dry_run", "yes"),
        ("dry_run", ""),
        ("cursor", ""),
        ("cursor", "!!!"),
        ("cursor", "é"),
        ("cursor", query.cursor_of("a", 1)),
        ("cursor", query.cursor_of(1)),
        ("cursor", query.cursor_of(1, "a", "b")),
        ("cursor", "dHJ1ZQ"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        query.read(Trial, {name: value})
    assert [error.pointer for error in caught.value.errors] == [f"?{name}"]


def test_the_range_is_told() -> None:
    with pytest.raises(InvalidParametersError, match="a whole number from 1 to 1000"):
        query.read(Trial, {"limit": "0"})


def test_the_members_are_told() -> None:
    with pytest.raises(InvalidParametersError, match="'queued', 'processing'"):
        query.read(Trial, {"status": "done"})


def test_a_cursor_comes_back_as_it_was() -> None:
    assert value_of("cursor", {"cursor": query.cursor_of(7, "a/b")}) == (7, "a/b")


def test_every_bad_value_is_told_at_once() -> None:
    with pytest.raises(InvalidParametersError) as caught:
        query.read(Trial, {"limit": "0", "dry_run": "yes"})
    assert [error.pointer for error in caught.value.errors] == ["?limit", "?dry_run"]


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidParametersError, match="unknown; known: limit, status") as caught:
        query.read(Trial, {"limit": "1", "colour": "red"})
    assert caught.value.errors[0].pointer == "?colour"


def test_a_route_without_parameters_says_so() -> None:
    with pytest.raises(InvalidParametersError, match="unknown; known: none"):
        query.read(NoQuery, {"colour": "red"})


def test_the_hosts_own_key_parameter_is_let_through() -> None:
    assert query.read(NoQuery, {"code": "function-key"}) == NoQuery()
