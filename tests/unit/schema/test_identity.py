"""Ids follow from what they name, and from nothing else."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import InvalidIdentifierError
from schema.identity import JOB_ID_PATTERN, TASK_ID_PATTERN, checked_job_id, job_id_of, task_id_of

JOB_ID = "0123456789abcdef" * 4
TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)
INDEXES = TEXT.filter(bool)


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(list(value))}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


def test_a_job_s_id_is_the_digest_of_its_canonical_json() -> None:
    text = '{"job_type":"trial","parameters":{"a":[1,2.5],"b":"ä"}}'
    assert job_id_of("trial", {"b": "ä", "a": [1, 2.5]}) == hashlib.sha256(text.encode()).hexdigest()


@given(OBJECTS)
def test_the_order_of_keys_makes_no_difference(parameters: dict[str, Any]) -> None:
    assert job_id_of("trial", parameters) == job_id_of("trial", reversed_keys(parameters))


@given(OBJECTS)
def test_a_job_s_id_is_64_hex_digits(parameters: dict[str, Any]) -> None:
    assert JOB_ID_PATTERN.fullmatch(job_id_of("trial", parameters))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": None}, {}),
        ({"a": 1}, {"a": True}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": "b"}, {"b": "a"}),
        ({"a": "é"}, {"a": "e\u0301"}),
    ],
)
def test_different_parameters_are_different_jobs(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert job_id_of("trial", one) != job_id_of("trial", other)


def test_different_types_are_different_jobs() -> None:
    assert job_id_of("trial", {}) != job_id_of("trial2", {})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_does_not_have_has_no_id(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        job_id_of("trial", {"a": number})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((JOB_ID, 1, 1, "a_b"), (JOB_ID, 1, 1, "a-b")),
        ((JOB_ID, 1, 1, "a b"), (JOB_ID, 1, 1, "a.b")),
        ((JOB_ID, 1, 1, "x" * 50), (JOB_ID, 1, 1, "x" * 51)),
        ((JOB_ID, 1, 11, "1"), (JOB_ID, 11, 1, "1")),
        ((JOB_ID, 1, 1, "0"), (JOB_ID, 2, 1, "0")),
        ((JOB_ID, 1, 1, "0"), (JOB_ID, 1, 2, "0")),
        ((JOB_ID, 1, 1, "0"), (JOB_ID[:-1] + "0", 1, 1, "0")),
    ],
)
def test_different_tasks_have_different_ids(
    one: tuple[str, int, int, str], other: tuple[str, int, int, str]
) -> None:
    assert task_id_of(*one) != task_id_of(*other)


@given(INDEXES, INDEXES)
def test_indexes_collide_only_where_they_are_equal(one: str, other: str) -> None:
    assert (task_id_of(JOB_ID, 1, 1, one) == task_id_of(JOB_ID, 1, 1, other)) == (one == other)


@given(INDEXES, st.integers(1, 10**9 - 1), st.integers(1, 9_999))
def test_a_task_s_id_is_short_and_well_formed(index: str, run: int, stage: int) -> None:
    task_id = task_id_of(JOB_ID, run, stage, index)
    assert TASK_ID_PATTERN.fullmatch(task_id)
    assert len(task_id) < 110


def test_a_task_s_id_shows_job_run_stage_and_index() -> None:
    assert task_id_of(JOB_ID, 2, 3, "tile_x5_y10").startswith("01234567-r2-s3-tile_x5_y10-")


def test_a_job_id_is_taken_in_any_case() -> None:
    assert checked_job_id(JOB_ID.upper()) == JOB_ID


@pytest.mark.parametrize("text", ["", JOB_ID[:-1], JOB_ID + "0", "g" * 64, f"{JOB_ID}\n", "../" * 30])
def test_what_is_no_job_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifierError, match="64 hexadecimal digits"):
        checked_job_id(text)
