"""Reading a stage's tasks in memory, and ``app.close_stage``; within the caller's transaction."""

from schema.records import OutboxRecord
from schema.states import StageStatus
from tests.fakes.database import FakeDatabase
from tests.fakes.rows import StageKey, TaskRow


def tasks_of(database: FakeDatabase, key: StageKey) -> list[TaskRow]:
    """All tasks of the stage in the order in which they start."""
    rows = [row for row in database.tables.tasks.values() if row.stage_key == key]
    return sorted(rows, key=lambda row: row.position)


def has_unfinished_task(database: FakeDatabase, key: StageKey) -> bool:
    return any(row.unfinished for row in tasks_of(database, key))


def close_stage(database: FakeDatabase, key: StageKey, *, claimed: bool) -> list[OutboxRecord]:
    """``app.close_stage``."""
    row = database.tables.stages.get(key)
    if row is None or row.status is not StageStatus.OPEN or has_unfinished_task(database, key):
        return []
    database.move_stage(row, "last_task_finished", StageStatus.CLOSING, closing_at=database.now)
    return [database.outbox_record(database.enqueue_job(key, claimed=claimed))]
