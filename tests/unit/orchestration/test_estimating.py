"""The time that a job still takes."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.estimating import estimated_seconds_left
from schema.records import JobRecord, StageSummary
from schema.states import FINAL_JOB_STATES, JobStatus, StageStatus

BEGUN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def job(total_stages: int = 1, status: JobStatus = JobStatus.PROCESSING) -> JobRecord:
    return JobRecord(
        job_id="a" * 64,
        job_type="trial",
        parameters={},
        status=status,
        stage=1,
        total_stages=total_stages,
        run=1,
        correlation_id="corr-1",
        created_at=BEGUN,
        updated_at=BEGUN,
    )


def stage(expected: int, done: int, number: int = 1, **values: Any) -> StageSummary:
    return StageSummary(
        **{
            "stage": number,
            "status": StageStatus.OPEN,
            "task_type": "work",
            "expected": expected,
            "completed": done,
            "failed": 0,
            "running": 0,
            "ended_lately": done,
            "opened_at": BEGUN,
            "round_began_at": BEGUN,
            **values,
        }
    )


def closed(seconds: float, number: int = 1) -> StageSummary:
    times = {"opened_at": BEGUN - timedelta(seconds=seconds), "closed_at": BEGUN}
    return stage(4, 4, number, status=StageStatus.COMPLETED, ended_lately=0, **times)


def left(the_job: JobRecord, *stages: StageSummary, after: float = 10.0) -> float | None:
    return estimated_seconds_left(the_job, stages, BEGUN + timedelta(seconds=after))


def test_a_stage_goes_on_at_the_pace_of_its_tasks() -> None:
    assert left(job(), stage(8, 2)) == 30.0


def test_tasks_that_failed_are_done_too() -> None:
    assert left(job(), stage(8, 1, failed=1, ended_lately=2)) == 30.0


def test_nothing_is_known_while_nothing_has_ended() -> None:
    assert left(job()) is None
    assert left(job(), stage(8, 0)) is None


def test_a_stage_to_come_is_as_long_as_the_mean_of_those_there_are() -> None:
    assert left(job(total_stages=3), stage(8, 2)) == 30.0 + 2 * 40.0
    assert left(job(total_stages=3), closed(20), stage(8, 2, 2)) == 30.0 + (20.0 + 40.0) / 2


def test_a_stage_in_which_nothing_has_ended_is_as_long_as_those_before() -> None:
    assert left(job(total_stages=2), closed(50), stage(8, 0, 2)) == 40.0


@pytest.mark.parametrize("before", [5, 10])
def test_nothing_is_known_of_a_stage_in_which_nothing_ends_for_longer_than_those_before(before: int) -> None:
    assert left(job(total_stages=2), closed(before), stage(8, 0, 2)) is None
    assert left(job(total_stages=3), closed(before), stage(8, 0, 2)) is None


def test_a_stage_that_is_done_takes_no_more_time() -> None:
    assert left(job(), stage(2, 2, status=StageStatus.CLOSING)) == 0.0
    assert left(job(), stage(0, 0, status=StageStatus.CLOSING)) == 0.0


def test_the_pace_of_a_resumed_stage_is_that_since_its_retry() -> None:
    resumed = stage(8, 6, ended_lately=1, opened_at=BEGUN - timedelta(days=3), resumed_at=BEGUN)
    assert left(job(), resumed) == 20.0


def test_the_pace_of_a_stage_that_runs_again_is_that_of_its_round() -> None:
    again = stage(100, 2, opened_at=BEGUN - timedelta(hours=1), round_began_at=BEGUN)
    assert left(job(), again, after=60.0) == 60.0 * 98 / 2


def test_the_pause_before_a_retry_is_no_part_of_a_stages_length() -> None:
    paused = closed(50).model_copy(update={"opened_at": BEGUN - timedelta(days=3), "resumed_at": BEGUN})
    paused = paused.model_copy(update={"closed_at": BEGUN + timedelta(seconds=50)})
    assert left(job(total_stages=2), paused, stage(8, 0, 2)) == 40.0


@pytest.mark.parametrize("status", sorted(FINAL_JOB_STATES))
def test_a_job_that_has_ended_has_nothing_left(status: JobStatus) -> None:
    assert left(job(status=status), stage(8, 2)) is None


def test_a_clock_that_is_behind_makes_nothing_negative() -> None:
    assert left(job(total_stages=2), stage(8, 2), after=-3.0) == 0.0


counts = st.integers(0, 100_000)
seconds = st.floats(-60, 1e7)


@given(
    total=st.integers(1, 20),
    lengths=st.lists(seconds, max_size=5),
    expected=counts,
    done=counts,
    after=seconds,
)
def test_an_estimate_is_a_time(
    total: int, lengths: list[float], expected: int, done: int, after: float
) -> None:
    stages = [closed(length, number) for number, length in enumerate(lengths, start=1)]
    current = stage(expected, min(done, expected), len(stages) + 1)
    estimate = left(job(total), *stages, current, after=after)
    assert estimate is None or (estimate >= 0 and math.isfinite(estimate))


@given(total=st.integers(1, 5), done=st.integers(1, 1_000), more=st.tuples(counts, counts), after=seconds)
def test_the_more_remains_the_longer_it_takes(
    total: int, done: int, more: tuple[int, int], after: float
) -> None:
    fewer, most = sorted(more)
    estimates = [left(job(total), stage(done + remaining, done), after=after) for remaining in (fewer, most)]
    assert estimates[0] is not None
    assert estimates[1] is not None
    assert estimates[0] <= estimates[1]
