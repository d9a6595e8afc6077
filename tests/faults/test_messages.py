"""Messages that come three times, late, out of order, twice or never; equal requests; repairs at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tests.acceptance.hosting import eventually
from tests.faults.conftest import TrialFactory
from tests.faults.jobs import STURDY
from tests.faults.trial import Trial, assert_complete, id_of
from tests.faults.troubled_queue import Noted

TASKS, STAGES = 20, 2


def start_jobs(trial: Trial, count: int = 3) -> list[str]:
    return [trial.submit(tasks=TASKS, stages=STAGES, work_ms=10) for _ in range(count)]


def test_every_message_delivered_three_times(start_trial: TrialFactory) -> None:
    trial = start_trial(TRIAL_COPIES="3")
    assert_complete(trial, start_jobs(trial))
    noted = trial.messages()
    assert noted[Noted.DOUBLED] == 2 * noted[Noted.SENT]


def test_messages_reordered_and_dropped(start_trial: TrialFactory) -> None:
    trial = start_trial(
        TRIAL_DELAYED="0.3", TRIAL_DROPPED="0.2", TRIAL_DOUBLED="0.3", UNCLAIMED_AFTER_SECONDS="0.5"
    )
    assert_complete(trial, start_jobs(trial, 2), 60)
    assert trial.messages()[Noted.DROPPED] > 0
    assert trial.messages()[Noted.DELAYED] > 0


def test_two_hundred_equal_submissions_at_once_are_one_job(swept: Trial) -> None:
    body = {"tasks": TASKS, "stages": STAGES, "salt": uuid4().hex}

    def submit(_: int) -> int:
        return swept.http.post(f"jobs/submit/{STURDY}", json=body).status_code

    with ThreadPoolExecutor(20) as callers:
        answers = Counter(callers.map(submit, range(200)))
    assert answers == {202: 1, 200: 199}
    job_id = id_of(STURDY, body)
    assert_complete(swept, [job_id])
    assert (
        len(swept.rows("select 1 from app.job_events where job_id = %s and event = 'submitted'", job_id)) == 1
    )


def test_two_sweeps_and_two_relays_at_once(start_trial: TrialFactory) -> None:
    first = start_trial(AzureWebJobs_trial_sweep_Disabled="1", AzureWebJobs_trial_relay_Disabled="1")
    jobs = start_jobs(first)
    eventually(lambda: first.executed(jobs[-1]))
    first.kill()
    first.restart()
    second = start_trial(beside=first)

    def repair(number: int) -> None:
        host = (first, second)[number % 2]
        for path in ("trial/sweep", "trial/relay"):
            assert host.http.post(path).status_code == 200

    def repaired() -> bool:
        with ThreadPoolExecutor(4) as callers:
            list(callers.map(repair, range(4)))
        return not first.rows("select 1 from app.jobs where status in ('queued', 'processing')")

    eventually(repaired, 40, every=0.2)
    assert_complete(second, jobs)


def test_clocks_of_workers_and_database_a_minute_apart(start_trial: TrialFactory) -> None:
    ahead = start_trial(TRIAL_CLOCK_SHIFT="60")
    behind = start_trial(beside=ahead, TRIAL_CLOCK_SHIFT="-60")
    jobs = start_jobs(ahead)
    eventually(lambda: ahead.executed(jobs[-1]))
    ahead.kill()
    assert_complete(behind, jobs)
