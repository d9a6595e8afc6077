"""Query parameters: what is taken, what is refused, and that the refusal names the parameter."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from schema.errors import InvalidParametersError
from schema.states import JobStatus
from triggers import query

Reader = Callable[[Mapping[str, str]], object]


def read_integer(given: Mapping[str, str]) -> int:
    return query.integer(given, "limit", 10, 1, 1_000)


def read_status(given: Mapping[str, str]) -> JobStatus | None:
    return query.one_of(given, "status", JobStatus)


def read_text(given: Mapping[str, str]) -> str | None:
    return query.text(given, "job_type")


def read_moment(given: Mapping[str, str]) -> datetime | None:
    return query.moment(given, "since")


def read_flag(given: Mapping[str, str]) -> bool:
    return query.flag(given, "dry_run")


def read_cursor(given: Mapping[str, str]) -> list[object] | None:
    return query.cursor(given, "cursor", int, str)


@pytest.mark.parametrize(
    ("read", "given", "value"),
    [
        (read_integer, {}, 10),
        (read_integer, {"limit": "1"}, 1),
        (read_integer, {"limit": "1000"}, 1000),
        (read_integer, {"limit": "007"}, 7),
        (read_status, {}, None),
        (read_status, {"status": "failed"}, JobStatus.FAILED),
        (read_text, {}, None),
        (read_text, {"job_type": "héllo"}, "héllo"),
        (read_moment, {}, None),
        (read_moment, {"since": "2026-01-31T12:00:00Z"}, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (read_moment, {"since": "2026-01-31T12:00:00"}, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (read_flag, {}, False),
        (read_flag, {"dry_run": "True"}, True),
        (read_flag, {"dry_run": "false"}, False),
        (read_cursor, {}, None),
    ],
)
def test_a_good_value_is_read(read: Reader, given: Mapping[str, str], value: object) -> None:
    assert read(given) == value


def test_a_plus_that_a_url_turned_into_a_blank_is_an_offset() -> None:
    moment = read_moment({"since": "2026-01-31T12:00:00 02:00"})
    assert moment is not None
    assert moment.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("read", "name", "value"),
    [
        (read_integer, "limit", ""),
        (read_integer, "limit", "0"),
        (read_integer, "limit", "1001"),
        (read_integer, "limit", "-5"),
        (read_integer, "limit", "+5"),
        (read_integer, "limit", "5.0"),
        (read_integer, "limit", "1e2"),
        (read_integer, "limit", " 5"),
        (read_integer, "limit", "\u0665"),
        (read_integer, "limit", "²"),
        (read_integer, "limit", "9" * 5_000),
        (read_status, "status", ""),
        (read_status, "status", "Failed"),
        (read_text, "job_type", ""),
        (read_text, "job_type", "x" * 201),
        (read_text, "job_type", "a\0b"),
        (read_text, "job_type", "a\nb"),
        (read_text, "job_type", "\ud800"),
        (read_moment, "since", ""),
        (read_moment, "since", "yesterday"),
        (read_moment, "since", "1767225600"),
        (read_moment, "since", "2026-02-30T00:00:00Z"),
        (read_flag, "dry_run", "yes"),
        (read_flag, "dry_run", ""),
        (read_cursor, "cursor", ""),
        (read_cursor, "cursor", "!!!"),
        (read_cursor, "cursor", "é"),
        (read_cursor, "cursor", query.cursor_of("a", 1)),
        (read_cursor, "cursor", query.cursor_of(1)),
        (read_cursor, "cursor", query.cursor_of(1, "a", "b")),
        (read_cursor, "cursor", "dHJ1ZQ"),
    ],
)
def test_a_bad_value_is_refused_by_name(read: Reader, name: str, value: str) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        read({name: value})
    assert [error.pointer for error in caught.value.errors] == [f"?{name}"]


def test_the_range_is_told() -> None:
    with pytest.raises(InvalidParametersError, match="a whole number from 1 to 1000"):
        read_integer({"limit": "0"})


def test_the_members_are_told() -> None:
    with pytest.raises(InvalidParametersError, match="must be one of queued, processing"):
        read_status({"status": "done"})


def test_a_cursor_comes_back_as_it_was() -> None:
    assert query.cursor({"cursor": query.cursor_of(7, "a/b")}, "cursor", int, str) == [7, "a/b"]


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidParametersError, match="unknown; known: limit, status") as caught:
        query.refuse_unknown({"limit": "1", "colour": "red"}, "limit", "status")
    assert caught.value.errors[0].pointer == "?colour"


def test_the_hosts_own_key_parameter_is_let_through() -> None:
    query.refuse_unknown({"code": "function-key"})
