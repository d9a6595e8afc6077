"""PostgreSQL and the storage go away amid jobs and come back; so they do while work is handled or relayed."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.hosting import eventually
from tests.faults.servers import DATABASE, OwnAzurite, OwnPostgres
from tests.faults.trial import SWEPT, Trial, assert_complete

TASKS, STAGES = 20, 2


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    server = OwnPostgres()
    yield server
    server.close()


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnAzurite]:
    server = OwnAzurite(tmp_path_factory.mktemp("storage"))
    yield server
    server.close()


@pytest.fixture
def trial(postgres: OwnPostgres, azurite: OwnAzurite, tmp_path: Path) -> Iterator[Trial]:
    host = Trial(postgres.server, DATABASE, azurite.account, tmp_path / "host", SWEPT)
    yield host
    host.close()


def jobs_under_way(trial: Trial) -> list[str]:
    """Ids of jobs of which some tasks are done, and many more are not."""
    jobs = [trial.submit(tasks=TASKS, stages=STAGES, work_ms=40) for _ in range(2)]
    eventually(
        lambda: trial.rows(
            "select 1 from app.tasks where job_id = any(%s) and status = 'completed' having count(*) > 10",
            jobs,
        )
    )
    return jobs


def attempts_in_vain(trial: Trial) -> list[dict[str, Any]]:
    """The host's attempts to connect to a database that is not there."""
    return [record for record in trial.process.records() if record["message"].startswith("error connecting")]


def test_postgres_stops_immediately_and_starts_again(trial: Trial, postgres: OwnPostgres) -> None:
    jobs = jobs_under_way(trial)
    postgres.stop_immediately()
    eventually(lambda: attempts_in_vain(trial))
    postgres.start()
    assert_complete(trial, jobs, 60)


def test_postgres_stops_again_and_again(trial: Trial, postgres: OwnPostgres) -> None:
    jobs = jobs_under_way(trial)
    for _ in range(3):
        seen = len(attempts_in_vain(trial))
        postgres.stop_immediately()
        eventually(lambda before=seen: len(attempts_in_vain(trial)) > before)
        postgres.start()
    assert_complete(trial, jobs, 60)


@pytest.mark.parametrize("end", [OwnAzurite.stop, OwnAzurite.kill], ids=["stops", "is killed"])
def test_the_storage_goes_away_and_comes_back(
    trial: Trial, azurite: OwnAzurite, end: Callable[[OwnAzurite], None]
) -> None:
    jobs = jobs_under_way(trial)
    end(azurite)
    eventually(lambda: trial.process.records("queue could not be polled"))
    azurite.start()
    assert_complete(trial, jobs, 60)


def test_a_job_is_accepted_while_the_queue_is_down_and_relayed_later(
    trial: Trial, azurite: OwnAzurite
) -> None:
    azurite.stop()
    try:
        job_id = trial.submit(tasks=TASKS)
        assert trial.process.records("a message could not be sent and stays in the outbox", job_id=job_id)
        assert trial.rows("select 1 from app.outbox where job_id = %s", job_id)
    finally:
        azurite.start()
    assert_complete(trial, [job_id], 60)


def test_both_servers_go_away_at_once(trial: Trial, postgres: OwnPostgres, azurite: OwnAzurite) -> None:
    jobs = jobs_under_way(trial)
    azurite.kill()
    postgres.stop_immediately()
    eventually(lambda: trial.process.records("queue could not be polled"))
    back = [threading.Thread(target=server.start) for server in (azurite, postgres)]
    for thread in back:
        thread.start()
    for thread in back:
        thread.join()
    assert_complete(trial, jobs, 60)
    assert trial.http.get("health/live").status_code == httpx.codes.OK
