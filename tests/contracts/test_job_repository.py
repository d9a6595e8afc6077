"""What every ``JobRepository`` must do."""

from concurrent.futures import ThreadPoolExecutor

from schema.records import FinishJob
from schema.states import JobStatus
from tests.contracts.steps import JOB_ID, completion, end_of_job, new_job
from tests.fakes.rows import Event
from tests.support.worlds import Waiting, World


def test_a_new_job_is_queued_at_stage_1_of_run_1(world: World) -> None:
    job = world.use.jobs.submit(new_job(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")).job
    assert (job.status, job.stage, job.run, job.total_stages) == (JobStatus.QUEUED, 1, 1, 2)
    assert (job.parameters, job.correlation_id) == ({"n": 1}, "corr-1")
    assert world.use.jobs.get(JOB_ID) == job


def test_a_new_job_comes_with_the_message_that_plans_its_first_stage(world: World) -> None:
    submission = world.use.jobs.submit(new_job())
    assert submission.created
    (row,) = submission.outbox
    assert (row.kind, row.job_id, row.run, row.stage) == ("job", JOB_ID, 1, 1)
    assert (row.correlation_id, row.delay_seconds) == ("corr-1", 0)


def test_the_message_of_a_new_job_is_claimed_for_its_submitter(world: World) -> None:
    world.use.jobs.submit(new_job())
    assert world.waiting() == [Waiting("job", 1, None, None, claimed=True)]


def test_submitting_again_changes_nothing(world: World) -> None:
    first = world.use.jobs.submit(new_job())
    again = world.use.jobs.submit(new_job(correlation_id="corr-2"))
    assert (again.created, list(again.outbox)) == (False, [])
    assert again.job == first.job
    assert len(world.waiting()) == 1


def test_submitting_a_job_that_has_ended_gives_the_ended_job(world: World) -> None:
    world.use.jobs.submit(new_job())
    world.use.jobs.finish(end_of_job())
    again = world.use.jobs.submit(new_job())
    assert (again.created, again.job.status) == (False, JobStatus.FAILED)


def test_of_many_equal_submissions_at_once_one_creates_the_job(world: World) -> None:
    with ThreadPoolExecutor(16) as pool:
        submissions = list(pool.map(lambda _: world.use.jobs.submit(new_job()), range(64)))
    assert sum(submission.created for submission in submissions) == 1
    assert len(world.waiting()) == 1


def test_parameters_come_back_as_they_were(world: World) -> None:
    parameters = {"text": "ä\u2028\U0001f30d", "float": 0.1, "null": None, "big": 2**60, "list": [1, [True]]}
    world.use.jobs.submit(new_job(parameters=parameters))
    job = world.use.jobs.get(JOB_ID)
    assert job is not None
    assert job.parameters == parameters


def test_there_is_no_job_that_was_not_submitted(world: World) -> None:
    assert world.use.jobs.get("0" * 64) is None


def test_finishing_stores_the_result(world: World) -> None:
    world.use.jobs.submit(new_job())
    assert world.use.jobs.finish(completion())
    job = world.use.jobs.get(JOB_ID)
    assert job is not None
    assert (job.status, job.result, job.error) == (JobStatus.COMPLETED, {"done": True}, None)
    assert job.finished_at is not None


def test_finishing_stores_the_error(world: World) -> None:
    world.use.jobs.submit(new_job())
    assert world.use.jobs.finish(end_of_job("no such blob"))
    job = world.use.jobs.get(JOB_ID)
    assert job is not None
    assert job.error is not None
    assert (job.status, job.error.message) == (JobStatus.FAILED, "no such blob")


def test_a_finished_job_is_not_finished_again(world: World) -> None:
    world.use.jobs.submit(new_job())
    world.use.jobs.finish(completion())
    assert not world.use.jobs.finish(end_of_job())
    job = world.use.jobs.get(JOB_ID)
    assert job is not None
    assert job.status is JobStatus.COMPLETED


def test_a_run_that_is_not_the_job_s_is_not_finished(world: World) -> None:
    world.use.jobs.submit(new_job())
    assert not world.use.jobs.finish(FinishJob(JOB_ID, 2, JobStatus.FAILED))


def test_an_unknown_job_is_not_finished(world: World) -> None:
    assert not world.use.jobs.finish(completion("0" * 64))


def test_each_move_of_a_job_is_on_record(world: World) -> None:
    world.use.jobs.submit(new_job())
    world.use.jobs.submit(new_job())
    world.use.jobs.finish(completion())
    world.use.jobs.finish(completion())
    assert world.events() == [
        Event("job", JOB_ID, None, "submitted", "queued"),
        Event("job", JOB_ID, "queued", "completed", "completed"),
    ]
