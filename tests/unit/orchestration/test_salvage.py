"""Ids are recovered from what cannot be parsed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.salvage import SalvagedIds, salvaged_ids
from schema.identity import JOB_ID_PATTERN, TASK_ID_PATTERN, task_id_of

JOB_ID = "0123456789abcdef" * 4
TASK_ID = task_id_of(JOB_ID, 1, 2, "tile_x5_y10")
WHOLE = json.dumps({"job_id": JOB_ID, "task_id": TASK_ID, "correlation_id": "corr-1", "run": "x"})


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (WHOLE, SalvagedIds(JOB_ID, TASK_ID, "corr-1")),
        (WHOLE[:-12], SalvagedIds(JOB_ID, TASK_ID, "corr-1")),
        (json.dumps({"job_id": JOB_ID})[:-2], SalvagedIds(JOB_ID)),
        (f"job {JOB_ID} broke", SalvagedIds(JOB_ID)),
        (f"<task>{TASK_ID}</task>", SalvagedIds(None, TASK_ID)),
        (f'{{"message": "{JOB_ID} / {TASK_ID}"}}', SalvagedIds(JOB_ID, TASK_ID)),
        (f"['{JOB_ID}']", SalvagedIds(JOB_ID)),
        (json.dumps([WHOLE]), SalvagedIds(JOB_ID, TASK_ID)),
        (json.dumps({"job_id": 5, "task_id": None, "correlation_id": "a b"}), SalvagedIds()),
        (json.dumps({"job_id": JOB_ID.upper()}), SalvagedIds()),
        (f"{JOB_ID}0", SalvagedIds()),
        (f"{JOB_ID[:-1]}", SalvagedIds()),
        ("", SalvagedIds()),
        ("null", SalvagedIds()),
        ("[" * 10_000, SalvagedIds()),
    ],
)
def test_ids_are_found_as_json_then_by_their_pattern(text: str, ids: SalvagedIds) -> None:
    assert salvaged_ids(text) == ids


@given(st.text())
def test_no_text_breaks_the_search_and_nothing_is_found_that_is_no_id(text: str) -> None:
    ids = salvaged_ids(text)
    assert ids.job_id is None or JOB_ID_PATTERN.fullmatch(ids.job_id)
    assert ids.task_id is None or TASK_ID_PATTERN.fullmatch(ids.task_id)


@given(st.integers(0, len(WHOLE)))
def test_a_message_that_was_cut_anywhere_gives_what_is_whole(cut: int) -> None:
    ids = salvaged_ids(WHOLE[:cut])
    assert ids.job_id in (None, JOB_ID)
    assert ids.task_id in (None, TASK_ID)
    assert ids.correlation_id is None or "corr-1".startswith(ids.correlation_id)
