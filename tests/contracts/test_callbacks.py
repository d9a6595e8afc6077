"""What every ``CallbackRepository`` must do, and what jobs do to the callbacks of their runs."""

from datetime import timedelta
from typing import Any

import pytest

from schema.callbacks import (
    MAX_CALLBACKS,
    CallbackForm,
    CallbackNotify,
    CallbackRecord,
    NewCallback,
    Subscription,
)
from schema.errors import TooManyCallbacksError
from schema.records import FinishJob
from schema.states import JobStatus
from tests.contracts.steps import JOB_ID, completion, end_of_job, job, new_job, stage_of
from tests.support.worlds import World

URL = "https://hooks.example.com/jobs?token=a"
BASE = "https://geo.example.org/api"
MINUTE = timedelta(minutes=1)

FINAL, GOOD, BAD, BEGUN = (
    CallbackNotify.FINAL,
    CallbackNotify.SUCCESSFUL,
    CallbackNotify.FAILED,
    CallbackNotify.IN_PROGRESS,
)


def submitted(world: World, *notify: CallbackNotify, url: str = URL) -> None:
    callbacks = [NewCallback(url, each) for each in notify or (FINAL,)]
    world.use.jobs.submit(new_job(), Subscription(callbacks, BASE))


def ended(world: World, *notify: CallbackNotify) -> CallbackRecord:
    """A callback whose job failed, claimed."""
    submitted(world, *notify)
    world.use.jobs.finish(end_of_job())
    return claimed(world)


def claimed(world: World) -> CallbackRecord:
    (callback,) = world.use.callbacks.claim(10)
    return callback


def only(world: World) -> Any:
    (row,) = world.callbacks()
    return row


def states(world: World) -> dict[str, str]:
    return {str(row.notify): str(row.state) for row in world.callbacks()}


def test_a_callback_waits_for_the_end_of_its_job(world: World) -> None:
    submitted(world)
    assert states(world) == {"final": "waiting"}
    assert list(world.use.callbacks.claim(10)) == []


def test_the_end_of_a_job_makes_its_callback_due_with_the_news(world: World) -> None:
    callback = ended(world)
    ending = job(world)
    assert (callback.job_id, callback.job_type, callback.run) == (JOB_ID, "trial", 1)
    assert (callback.url, callback.form, callback.base_url) == (URL, CallbackForm.JOB, BASE)
    assert (callback.status, callback.happened_at) == (JobStatus.FAILED, ending.finished_at)
    assert (callback.job_created_at, callback.correlation_id) == (ending.created_at, "corr-1")
    assert callback.error is not None
    assert (callback.error.code, callback.attempt) == ("BROKEN", 0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (JobStatus.COMPLETED, {"final": "due", "successful": "due", "failed": "void"}),
        (JobStatus.COMPLETED_WITH_ERRORS, {"final": "due", "successful": "due", "failed": "void"}),
        (JobStatus.FAILED, {"final": "due", "successful": "void", "failed": "due"}),
        (JobStatus.CANCELLED, {"final": "due", "successful": "void", "failed": "due"}),
    ],
)
def test_an_end_makes_due_what_asked_for_it_and_voids_the_rest(
    world: World, status: JobStatus, expected: dict[str, str]
) -> None:
    submitted(world, FINAL, GOOD, BAD, BEGUN)
    world.use.stages.open(stage_of(1))
    world.use.jobs.finish(FinishJob(JOB_ID, 1, status))
    assert states(world) == {**expected, "in_progress": "void"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (JobStatus.COMPLETED, {"final": "due", "successful": "due", "failed": "void"}),
        (JobStatus.COMPLETED_WITH_ERRORS, {"final": "due", "successful": "due", "failed": "void"}),
        (JobStatus.FAILED, {"final": "due", "successful": "void", "failed": "due"}),
        (JobStatus.CANCELLED, {"final": "due", "successful": "void", "failed": "due"}),
    ],
)
def test_who_subscribes_after_the_end_is_told_at_once(
    world: World, status: JobStatus, expected: dict[str, str]
) -> None:
    world.use.jobs.submit(new_job())
    world.use.stages.open(stage_of(1))
    world.use.jobs.finish(FinishJob(JOB_ID, 1, status))
    submitted(world, FINAL, GOOD, BAD, BEGUN)
    assert states(world) == {**expected, "in_progress": "void"}
    assert {each.status for each in world.use.callbacks.claim(10)} == {status}


def test_the_start_of_a_job_is_told_when_it_starts(world: World) -> None:
    submitted(world, BEGUN)
    assert states(world) == {"in_progress": "waiting"}
    world.use.stages.open(stage_of(1))
    assert claimed(world).status is JobStatus.PROCESSING


def test_the_end_of_a_run_leaves_the_news_of_its_start_as_it_was_told(world: World) -> None:
    submitted(world, BEGUN)
    world.use.stages.open(stage_of(1))
    world.use.callbacks.delivered(claimed(world))
    world.use.jobs.finish(completion())
    assert (only(world).state, only(world).status) == ("delivered", "processing")


def test_the_news_of_a_start_that_travels_while_the_run_ends_is_on_record(world: World) -> None:
    submitted(world, BEGUN)
    world.use.stages.open(stage_of(1))
    callback = claimed(world)
    world.use.jobs.finish(completion())
    world.use.callbacks.delivered(callback)
    assert (only(world).state, only(world).status) == ("delivered", "processing")


def test_the_news_of_a_start_is_not_tried_again_after_the_end(world: World) -> None:
    submitted(world, BEGUN)
    world.use.stages.open(stage_of(1))
    callback = claimed(world)
    world.use.jobs.finish(completion())
    world.use.callbacks.not_delivered(callback, "answered 503", MINUTE)
    world.pass_time(120)
    assert list(world.use.callbacks.claim(10)) == []
    assert only(world).state == "void"


def test_the_news_of_a_start_that_was_not_told_waits_again_after_a_retry(world: World) -> None:
    submitted(world, BEGUN)
    world.use.stages.open(stage_of(1))
    world.use.jobs.finish(end_of_job())
    world.use.jobs.retry(JOB_ID, "corr-2")
    assert claimed(world).status is JobStatus.PROCESSING


def test_who_subscribes_to_the_start_of_a_job_that_runs_is_told_at_once(world: World) -> None:
    world.use.jobs.submit(new_job())
    world.use.stages.open(stage_of(1))
    submitted(world, BEGUN)
    callback = claimed(world)
    assert (callback.status, callback.happened_at) == (JobStatus.PROCESSING, job(world).started_at)


def test_a_job_that_ends_before_it_starts_voids_the_news_of_its_start(world: World) -> None:
    submitted(world, BEGUN)
    world.use.jobs.cancel(JOB_ID, "no more")
    assert states(world) == {"in_progress": "void"}


def test_a_callback_is_added_to_a_job_that_is_there_already(world: World) -> None:
    world.use.jobs.submit(new_job())
    submitted(world)
    world.use.jobs.finish(completion())
    assert claimed(world).status is JobStatus.COMPLETED


def test_the_same_callback_is_stored_once(world: World) -> None:
    submitted(world, FINAL, FINAL)
    submitted(world)
    assert len(world.callbacks()) == 1


def test_each_address_of_a_job_is_told(world: World) -> None:
    submitted(world)
    submitted(world, url="https://other.example.com/")
    world.use.jobs.finish(completion())
    urls = {each.url for each in world.use.callbacks.claim(10)}
    assert urls == {URL, "https://other.example.com/"}


def test_an_address_is_told_once_for_each_way_that_its_results_are_wanted(world: World) -> None:
    ways = ["", "raw.a", "raw.a", f"document.{'a' * 5_000}"]
    world.use.jobs.submit(new_job(), Subscription([NewCallback(URL, wanted=wanted) for wanted in ways]))
    world.use.jobs.submit(new_job(), Subscription([NewCallback(URL, wanted="raw.a")]))
    world.use.jobs.finish(completion())
    assert {each.wanted for each in world.use.callbacks.claim(10)} == {*ways}
    assert len(world.callbacks()) == 3


def test_a_run_has_so_many_callbacks_and_no_more(world: World) -> None:
    for number in range(MAX_CALLBACKS):
        submitted(world, url=f"https://hooks.example.com/{number}")
    with pytest.raises(TooManyCallbacksError):
        submitted(world, url="https://hooks.example.com/one-more")
    submitted(world, url="https://hooks.example.com/0")
    assert len(world.callbacks()) == MAX_CALLBACKS
    world.use.jobs.finish(completion())
    world.use.jobs.rerun(JOB_ID, "corr-2")
    submitted(world, url="https://hooks.example.com/one-more")
    assert len(world.callbacks()) == MAX_CALLBACKS + 1


def test_a_job_that_would_begin_with_too_many_callbacks_is_not_stored(world: World) -> None:
    callbacks = [NewCallback(f"{URL}{number}") for number in range(MAX_CALLBACKS + 1)]
    with pytest.raises(TooManyCallbacksError):
        world.use.jobs.submit(new_job(), Subscription(callbacks))
    assert (world.use.jobs.get(JOB_ID), world.callbacks()) == (None, [])


def test_a_submission_that_asks_for_none_adds_none(world: World) -> None:
    world.use.jobs.submit(new_job())
    assert world.callbacks() == []


def test_a_claimed_callback_is_nobody_else_s_for_a_minute(world: World) -> None:
    ended(world)
    assert list(world.use.callbacks.claim(10)) == []
    world.pass_time(61)
    assert claimed(world).attempt == 0


def test_a_claim_takes_no_more_than_its_limit_and_the_longest_due_first(world: World) -> None:
    for job_id in ("a" * 64, "b" * 64):
        world.use.jobs.submit(new_job(job_id), Subscription([NewCallback(URL)]))
        world.use.jobs.finish(completion(job_id))
        world.pass_time(1)
    assert [each.job_id for each in world.use.callbacks.claim(1)] == ["a" * 64]
    assert [each.job_id for each in world.use.callbacks.claim(1)] == ["b" * 64]


def test_what_was_delivered_is_not_due_again(world: World) -> None:
    world.use.callbacks.delivered(ended(world))
    world.pass_time(120)
    assert list(world.use.callbacks.claim(10)) == []
    assert (only(world).state, only(world).attempt, only(world).last_error) == ("delivered", 1, None)
    assert only(world).delivered_at is not None


def test_what_was_not_delivered_is_due_again_after_its_delay(world: World) -> None:
    first = ended(world)
    world.use.callbacks.not_delivered(first, "answered 503", 2 * MINUTE)
    world.pass_time(90)
    assert list(world.use.callbacks.claim(10)) == []
    world.pass_time(31)
    again = claimed(world)
    assert (again.attempt, again.message_id, again.status) == (1, first.message_id, first.status)
    assert only(world).last_error == "answered 503"


def test_what_is_given_up_stays_on_record_with_its_error(world: World) -> None:
    world.use.callbacks.not_delivered(ended(world), "answered 410", None)
    world.pass_time(3_600)
    assert list(world.use.callbacks.claim(10)) == []
    assert (only(world).state, only(world).attempt, only(world).last_error) == ("failed", 1, "answered 410")
    assert only(world).failed_at is not None


def test_what_is_postponed_waits_and_spends_no_attempt(world: World) -> None:
    world.use.callbacks.postponed(ended(world), "the host has been failing", MINUTE)
    assert list(world.use.callbacks.claim(10)) == []
    world.pass_time(61)
    assert claimed(world).attempt == 0


def test_what_was_postponed_for_too_long_is_given_up_without_an_attempt(world: World) -> None:
    world.use.callbacks.postponed(ended(world), "the host has been failing", None)
    world.pass_time(3_600)
    assert list(world.use.callbacks.claim(10)) == []
    found = only(world)
    assert (found.state, found.attempt, found.last_error) == ("failed", 0, "the host has been failing")
    assert found.failed_at is not None


def test_a_callback_is_due_since_its_news_was_made(world: World) -> None:
    callback = ended(world)
    assert callback.due_since == callback.happened_at


def test_who_subscribes_after_the_end_is_due_since_then(world: World) -> None:
    world.use.jobs.submit(new_job())
    world.use.jobs.finish(end_of_job())
    world.pass_time(3_600)
    submitted(world)
    callback = claimed(world)
    assert callback.due_since - callback.happened_at >= timedelta(hours=1)
    assert world.use.callbacks.backlog().due_since == callback.due_since


def test_an_outcome_that_comes_after_its_claim_changes_nothing(world: World) -> None:
    late = ended(world)
    world.pass_time(61)
    newer = claimed(world)
    world.use.callbacks.not_delivered(late, "did not answer in time", None)
    assert only(world).state == "due"
    world.use.callbacks.delivered(newer)
    world.use.callbacks.not_delivered(late, "did not answer in time", None)
    world.use.callbacks.postponed(late, "the host has been failing", MINUTE)
    assert (only(world).state, only(world).last_error) == ("delivered", None)


def test_the_backlog_counts_what_is_due_and_what_was_given_up(world: World) -> None:
    backlog = world.use.callbacks.backlog()
    assert (backlog.due, backlog.due_since, backlog.failed) == (0, None, 0)
    callback = ended(world)
    backlog = world.use.callbacks.backlog()
    assert (backlog.due, backlog.due_since, backlog.failed) == (1, callback.due_since, 0)
    world.use.callbacks.not_delivered(callback, "answered 410", None)
    assert (world.use.callbacks.backlog().due, world.use.callbacks.backlog().failed) == (0, 1)


def test_a_retried_run_is_told_of_again_under_another_id(world: World) -> None:
    first = ended(world)
    world.use.callbacks.delivered(first)
    world.use.jobs.retry(JOB_ID, "corr-2")
    assert only(world).state == "waiting"
    world.use.jobs.finish(completion())
    second = claimed(world)
    assert (second.status, second.error, second.attempt) == (JobStatus.COMPLETED, None, 0)
    assert second.message_id != first.message_id


@pytest.mark.parametrize("notify", [FINAL, BAD])
def test_news_that_a_retry_takes_back_is_not_told(world: World, notify: CallbackNotify) -> None:
    callback = ended(world, notify)
    world.use.jobs.retry(JOB_ID, "corr-2")
    world.use.callbacks.not_delivered(callback, "answered 503", None)
    world.pass_time(61)
    assert list(world.use.callbacks.claim(10)) == []
    assert only(world).state == "waiting"


def test_what_a_failure_voided_waits_again_after_a_retry(world: World) -> None:
    submitted(world, GOOD)
    world.use.jobs.finish(end_of_job())
    assert states(world) == {"successful": "void"}
    world.use.jobs.retry(JOB_ID, "corr-2")
    world.use.jobs.finish(completion())
    assert claimed(world).status is JobStatus.COMPLETED


def test_the_start_of_a_run_is_told_once_though_it_is_retried(world: World) -> None:
    submitted(world, BEGUN)
    world.use.stages.open(stage_of(1))
    world.use.callbacks.delivered(claimed(world))
    world.use.jobs.finish(end_of_job())
    world.use.jobs.retry(JOB_ID, "corr-2")
    assert states(world) == {"in_progress": "delivered"}


def test_the_start_of_a_run_that_never_started_is_told_after_a_retry(world: World) -> None:
    submitted(world, BEGUN)
    world.use.jobs.cancel(JOB_ID, "no more")
    world.use.jobs.retry(JOB_ID, "corr-2")
    assert states(world) == {"in_progress": "waiting"}
    world.use.stages.open(stage_of(1))
    assert states(world) == {"in_progress": "due"}


def test_a_rerun_has_no_callbacks_but_those_that_are_added_to_it(world: World) -> None:
    first = ended(world)
    world.use.callbacks.delivered(first)
    world.use.jobs.rerun(JOB_ID, "corr-2")
    world.use.jobs.finish(FinishJob(JOB_ID, 2, JobStatus.COMPLETED))
    assert list(world.use.callbacks.claim(10)) == []
    submitted(world)
    assert (claimed(world).run, [row.run for row in world.callbacks()]) == (2, [1, 2])


def test_news_of_an_earlier_run_stays_what_it_was(world: World) -> None:
    submitted(world)
    world.use.jobs.finish(end_of_job())
    world.use.jobs.rerun(JOB_ID, "corr-2")
    callback = claimed(world)
    assert (callback.run, callback.status) == (1, JobStatus.FAILED)
    assert callback.error is not None


def test_asking_again_after_it_was_given_up_begins_anew(world: World) -> None:
    first = ended(world)
    world.use.callbacks.not_delivered(first, "answered 410", None)
    submitted(world)
    again = claimed(world)
    assert (again.attempt, again.status) == (0, JobStatus.FAILED)
    assert again.message_id != first.message_id


def test_what_begins_anew_shows_nothing_of_what_was(world: World) -> None:
    first = ended(world)
    world.use.callbacks.not_delivered(first, "answered 410", None)
    submitted(world)
    found = only(world)
    assert (found.last_error, found.failed_at, found.delivered_at) == (None, None, None)


def test_what_waits_again_after_a_retry_shows_nothing_of_what_was(world: World) -> None:
    first = ended(world)
    world.use.callbacks.not_delivered(first, "answered 503", timedelta())
    world.use.callbacks.delivered(claimed(world))
    world.use.jobs.retry(JOB_ID, "corr-2")
    assert (only(world).last_error, only(world).delivered_at) == (None, None)
    world.use.jobs.finish(end_of_job())
    world.use.callbacks.not_delivered(claimed(world), "answered 410", None)
    world.use.jobs.retry(JOB_ID, "corr-3")
    assert (only(world).last_error, only(world).failed_at) == (None, None)


def test_asking_again_after_it_was_delivered_changes_nothing(world: World) -> None:
    world.use.callbacks.delivered(ended(world))
    submitted(world)
    assert list(world.use.callbacks.claim(10)) == []


def test_callbacks_go_with_their_job(world: World) -> None:
    submitted(world)
    world.use.jobs.finish(completion())
    world.pass_time(3_600)
    world.use.retention.remove_jobs([JOB_ID])
    assert world.callbacks() == []
