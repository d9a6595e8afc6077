"""What every ``OutboxRepository`` must do."""

from concurrent.futures import ThreadPoolExecutor

from schema.records import OutboxKind
from tests.contracts.steps import JOB_ID, new_job, stage_of
from tests.support.worlds import World


def waiting_tasks(world: World, count: int) -> None:
    world.use.jobs.submit(new_job(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"))
    world.clear_outbox()
    world.use.stages.open(stage_of(count))


def test_rows_are_claimed_oldest_first_up_to_the_limit(world: World) -> None:
    waiting_tasks(world, 5)
    ids = [row.outbox_id for _ in range(3) for row in world.use.outbox.claim(2)]
    assert len(ids) == 5
    assert ids == sorted(ids)


def test_a_row_says_all_that_its_message_carries(world: World) -> None:
    waiting_tasks(world, 1)
    (row,) = world.use.outbox.claim(1)
    assert (row.kind, row.job_id, row.run, row.stage) == (OutboxKind.TASK, JOB_ID, 1, 1)
    assert (row.task_id, row.attempt) == (stage_of(1).tasks[0].task_id, 1)
    assert (row.correlation_id, row.traceparent) == ("corr-1", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert row.delay_seconds == 0


def test_a_claimed_row_is_not_claimed_again(world: World) -> None:
    waiting_tasks(world, 2)
    world.use.outbox.claim(2)
    world.pass_time(50)
    assert list(world.use.outbox.claim(2)) == []


def test_a_claim_runs_out_after_a_minute(world: World) -> None:
    waiting_tasks(world, 2)
    first = world.use.outbox.claim(2)
    world.pass_time(61)
    assert world.use.outbox.claim(2) == first


def test_the_submitter_s_claim_runs_out_as_well(world: World) -> None:
    world.use.jobs.submit(new_job())
    assert list(world.use.outbox.claim(1)) == []
    world.pass_time(61)
    assert len(world.use.outbox.claim(1)) == 1


def test_of_many_claims_at_once_each_gets_other_rows(world: World) -> None:
    waiting_tasks(world, 40)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: world.use.outbox.claim(5), range(8)))
    ids = [row.outbox_id for claim in claims for row in claim]
    assert len(ids) == len(set(ids))


def test_deleted_rows_are_gone(world: World) -> None:
    waiting_tasks(world, 3)
    first, *_ = world.use.outbox.claim(3)
    world.use.outbox.delete([first.outbox_id])
    world.use.outbox.delete([first.outbox_id])
    assert len(world.waiting()) == 2


def test_deleting_nothing_is_nothing(world: World) -> None:
    waiting_tasks(world, 1)
    world.use.outbox.delete([])
    assert len(world.waiting()) == 1
