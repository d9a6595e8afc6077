"""The table of transitions is complete and leads somewhere."""

from enum import StrEnum

import pytest

from schema.states import (
    FINAL_JOB_STATES,
    FINAL_TASK_STATES,
    TRANSITIONS,
    JobStatus,
    StageStatus,
    TaskStatus,
    is_allowed,
)

STATES: dict[str, type[StrEnum]] = {"job": JobStatus, "stage": StageStatus, "task": TaskStatus}
AGAIN = {"retried", "rerun", "stage_retried"}


def test_no_transition_is_listed_twice() -> None:
    assert len(TRANSITIONS) == len(set(TRANSITIONS))


def test_transitions_name_states_that_there_are() -> None:
    for entity, before, _, after in TRANSITIONS:
        assert {before, after} <= {str(state) for state in STATES[entity]}


@pytest.mark.parametrize(("entity", "final"), [("job", FINAL_JOB_STATES), ("task", FINAL_TASK_STATES)])
def test_a_final_state_is_left_only_to_run_again(entity: str, final: frozenset[StrEnum]) -> None:
    for move in TRANSITIONS:
        if move.entity == entity:
            assert (move.from_status in final) == (move.event in AGAIN)


@pytest.mark.parametrize("entity", ["job", "stage", "task"])
def test_every_state_can_be_reached(entity: str) -> None:
    reached = {"queued", "open", "pending"}
    for _ in STATES[entity]:
        reached |= {
            move.to_status for move in TRANSITIONS if move.entity == entity and move.from_status in reached
        }
    assert {str(state) for state in STATES[entity]} <= reached


@pytest.mark.parametrize(
    ("move", "allowed"),
    [
        (("task", "queued", "claimed", "processing"), True),
        (("task", "completed", "claimed", "processing"), False),
        (("task", "queued", "completed", "completed"), False),
        (("stage", "open", "settled", "completed"), False),
        (("job", "completed", "failed", "failed"), False),
        (("jobs", "queued", "started", "processing"), False),
    ],
)
def test_only_what_the_table_has_is_allowed(move: tuple[str, str, str, str], *, allowed: bool) -> None:
    assert is_allowed(*move) is allowed
