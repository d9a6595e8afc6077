"""What is past its time goes in small batches, blobs before rows; a preview counts and touches nothing."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from orchestration.retention import Retention
from schema.errors import BlobUnavailableError
from schema.records import CleanupReport
from schema.workflow import StagePlan
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import ended, handlers, job_type, planning, stage, work

MakeSystem = Callable[..., FakeSystem]
DAY = 24 * 3600.0
AGE = timedelta(days=10)


@pytest.fixture
def system(make_system: MakeSystem) -> FakeSystem:
    return make_system(job_type(stage(planning(StagePlan.of(work(2))))), handlers())


def retention_of(system: FakeSystem, max_jobs: int = 5_000) -> Retention:
    return Retention(system.repositories.retention, system.payload_store, AGE, max_jobs)


def jobs(system: FakeSystem, count: int, blobs: int = 1) -> list[str]:
    """Ended jobs, each with blobs of its own."""
    ids = []
    for number in range(count):
        job = ended(system, {"n": number, "version_id": str(len(system.database.tables.jobs))})
        for blob in range(blobs):
            system.payload_store.put(job.job_id, str(blob), {})
        ids.append(job.job_id)
    return ids


def test_what_is_old_goes_with_its_blobs(system: FakeSystem) -> None:
    jobs(system, 2, blobs=3)
    system.clock.advance(11 * DAY)
    report = retention_of(system)()
    assert (report.jobs, report.payloads, report.dry_run, report.more) == (2, 6, False, False)
    assert report.events > 0
    assert system.database.tables.jobs == {}
    assert system.payload_store.values == {}


def test_what_is_young_stays(system: FakeSystem) -> None:
    (young,) = jobs(system, 1)
    system.clock.advance(9 * DAY)
    assert retention_of(system)().jobs == 0
    assert list(system.database.tables.jobs) == [young]
    assert len(system.payload_store.values) == 1


def test_what_is_under_way_stays_however_old(system: FakeSystem) -> None:
    active = system.submit("trial", {}).job.job_id
    system.clock.advance(99 * DAY)
    assert retention_of(system)().jobs == 0
    assert list(system.database.tables.jobs) == [active]


def test_a_preview_counts_what_a_pass_would_remove_and_touches_nothing(system: FakeSystem) -> None:
    jobs(system, 3, blobs=2)
    system.sweeper()
    system.clock.advance(11 * DAY)
    preview = retention_of(system).preview()
    assert len(system.database.tables.jobs) == 3
    assert len(system.payload_store.values) == 6
    report = retention_of(system)()
    assert preview == CleanupReport(**{**vars(report), "dry_run": True})
    assert (report.jobs, report.sweeps, report.payloads) == (3, 1, 6)


@pytest.mark.parametrize(("count", "more"), [(2, False), (3, False), (4, True)])
def test_a_pass_removes_no_more_jobs_than_it_may_and_says_so(
    system: FakeSystem, count: int, more: bool
) -> None:
    jobs(system, count)
    system.clock.advance(11 * DAY)
    retention = retention_of(system, max_jobs=3)
    preview = retention.preview()
    assert (preview.jobs, preview.payloads, preview.more) == (min(count, 3), min(count, 3), more)
    report = retention()
    assert (report.jobs, report.payloads, report.more) == (min(count, 3), min(count, 3), more)
    assert len(system.database.tables.jobs) == max(0, count - 3)


def test_the_oldest_go_first(system: FakeSystem) -> None:
    (first,) = jobs(system, 1)
    system.clock.advance(1)
    jobs(system, 1)
    system.clock.advance(11 * DAY)
    retention_of(system, max_jobs=1)()
    assert first not in system.database.tables.jobs
    assert len(system.database.tables.jobs) == 1


def test_more_jobs_than_a_batch_go_in_several(system: FakeSystem) -> None:
    jobs(system, 1)
    (template,) = system.database.tables.jobs.values()
    for number in range(249):
        job_id = f"{number:064x}"
        system.database.tables.jobs[job_id] = type(template)(**{**vars(template), "job_id": job_id})
    system.clock.advance(11 * DAY)
    assert retention_of(system)().jobs == 250


def test_a_blob_that_cannot_be_removed_keeps_its_job(system: FakeSystem) -> None:
    """The rows go last, so that the next pass finds the blobs again."""
    jobs(system, 1)
    system.clock.advance(11 * DAY)
    system.payload_store.away = True
    with pytest.raises(BlobUnavailableError):
        retention_of(system)()
    assert len(system.database.tables.jobs) == 1
    system.payload_store.away = False
    assert retention_of(system)().jobs == 1


def test_old_dead_letters_and_sweeps_go(system: FakeSystem) -> None:
    system.queue.put("geospatial-jobs", b"broken")
    system.deliver(system.queue.visible()[0])
    system.sweeper()
    system.clock.advance(11 * DAY)
    system.sweeper()
    report = retention_of(system)()
    assert (report.dead_letters, report.sweeps) == (1, 1)
    assert len(system.database.tables.sweeps) == 1


def test_with_nothing_to_do_nothing_is_done(system: FakeSystem) -> None:
    assert retention_of(system)() == CleanupReport(0, 0, 0, 0, 0, dry_run=False, more=False)
