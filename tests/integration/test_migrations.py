"""A database that was upgraded is the same as a fresh one, and keeps what was in it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import schema as schema_package
from repositories.jobs import PostgresJobRepository
from repositories.migrations import SchemaRepository
from repositories.postgres import Database
from schema.callbacks import NewCallback, Subscription
from schema.identity import task_id_of
from schema.records import NewJob
from schema.states import JobStatus
from tests.support.seeding import Seeder

SOURCE = Path(schema_package.__file__).parent / "sql"
FUNCTIONS_OF_VERSION_1 = Path(__file__).parents[1] / "data" / "functions_of_version_1.sql"

EVERYTHING = {
    "columns": """
        select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull,
               a.attidentity, pg_get_expr(d.adbin, d.adrelid) as default_value, co.collname,
               col_description(c.oid, a.attnum) as comment
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
          left join pg_collation co on co.oid = a.attcollation
         where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'c', 'v')
         order by c.relname, a.attnum""",
    "relations": """
        select c.relname, c.relkind, c.reloptions, obj_description(c.oid) as comment
          from pg_class c where c.relnamespace = 'app'::regnamespace order by c.relname""",
    "constraints": """
        select c.conname, c.conrelid::regclass::text as relation, pg_get_constraintdef(c.oid) as definition
          from pg_constraint c where c.connamespace = 'app'::regnamespace order by relation, c.conname""",
    "indexes": """
        select indexname, indexdef from pg_indexes where schemaname = 'app' order by indexname""",
    "functions": """
        select p.oid::regprocedure::text as signature, pg_get_functiondef(p.oid) as definition
          from pg_proc p where p.pronamespace = 'app'::regnamespace order by signature""",
    "triggers": """
        select t.tgname, pg_get_triggerdef(t.oid) as definition from pg_trigger t
          join pg_class c on c.oid = t.tgrelid and c.relnamespace = 'app'::regnamespace
         where not t.tgisinternal order by t.tgname, definition""",
    "enums": """
        select t.typname, array_agg(e.enumlabel::text order by e.enumsortorder) as labels from pg_type t
          join pg_enum e on e.enumtypid = t.oid
         where t.typnamespace = 'app'::regnamespace group by t.typname order by t.typname""",
    "law": "select * from app.transitions order by 1, 2, 3, 4",
    "versions": "select version, name, checksum from app.schema_migrations order by version",
}


def described(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {what: database.fetch_all(statement.encode()) for what, statement in EVERYTHING.items()}  # type: ignore[arg-type] -- constants


@pytest.fixture
def version_1(empty_database: Database, tmp_path: Path) -> Database:
    """A database of the first version: its one migration, and the functions that came with it."""
    for folder in ("migrations", "functions"):
        (tmp_path / folder).mkdir()
    shutil.copy(SOURCE / "migrations" / "0001_core.sql", tmp_path / "migrations")
    shutil.copy(SOURCE / "triggers.sql", tmp_path)
    shutil.copy(FUNCTIONS_OF_VERSION_1, tmp_path / "functions")
    SchemaRepository(empty_database, tmp_path).migrate()
    return empty_database


def test_an_upgraded_schema_is_the_same_as_a_fresh_one(version_1: Database, database: Database) -> None:
    steps = SchemaRepository(version_1).migrate()
    upgraded, fresh = described(version_1), described(database)
    assert steps[0] == "applied 0002_callbacks"
    for what in EVERYTHING:
        assert upgraded[what] == fresh[what], what


@pytest.mark.parametrize(
    "call",
    [
        "select outcome from app.cancel_job(%(job_id)s, 'no longer needed'{actor})",
        "select outcome from app.retry_job(%(job_id)s, 'corr-2'{actor})",
        "select outcome from app.rerun_job(%(job_id)s, 'corr-2'{actor})",
    ],
)
@pytest.mark.parametrize("actor", ["", ", 'alice@example.org'", ", null"])
def test_an_upgraded_schema_is_good_for_the_app_of_before_and_the_new_one(
    version_1: Database, call: str, actor: str
) -> None:
    """The app of before names no actor; it runs on for a while after the upgrade."""
    SchemaRepository(version_1).migrate()
    job_id = Seeder(version_1).job()
    rows = version_1.fetch_all(call.format(actor=actor).encode(), {"job_id": job_id})  # type: ignore[arg-type] -- constants
    assert rows[0]["outcome"] in ("cancelled", "refused", "active")


def opened_by_the_app_of_before(database: Database, job_id: str, tasks: int) -> list[str]:
    """Ids of tasks in a stage that was opened without types of single tasks."""
    ids = [task_id_of(job_id, 1, 1, str(index)) for index in range(tasks)]
    (opened,) = database.fetch_all(
        """select app.open_stage(
               %(job_id)s, 1, 1, 'work', %(ids)s, %(indexes)s, array_fill('{}'::text, %(size)s),
               array_fill(null::text, %(size)s), array_fill(null::text, %(size)s), 200, true, 100, 3,
               '1 s', 2, '1 min', 0.1, '1 min', '1 min', '1 h') as done""",
        {"job_id": job_id, "ids": ids, "indexes": [*map(str, range(tasks))], "size": [tasks]},
    )
    assert opened == {"done": True}
    return ids


def test_an_upgraded_schema_opens_stages_for_the_app_of_before(version_1: Database) -> None:
    SchemaRepository(version_1).migrate()
    opened_by_the_app_of_before(version_1, Seeder(version_1).job(), 2)
    assert version_1.fetch_all("select task_type from app.tasks") == [{"task_type": "work"}] * 2
    assert version_1.fetch_all("select task_types from app.stages") == [{"task_types": None}]


def test_an_upgrade_keeps_what_is_there(version_1: Database) -> None:
    seeder = Seeder(version_1)
    job_id = seeder.job()
    tasks = opened_by_the_app_of_before(version_1, job_id, 3)
    seeder.complete(tasks[0])
    before = [version_1.fetch_all(f"select * from app.{table}") for table in ("jobs", "stages", "tasks")]  # noqa: S608 -- constants
    SchemaRepository(version_1).migrate()
    after = [version_1.fetch_all(f"select * from app.{table}") for table in ("jobs", "stages", "tasks")]  # noqa: S608 -- as above
    added = {"task_types": None}
    assert after == [before[0], [{**row, **added} for row in before[1]], before[2]]


def test_a_job_from_before_an_upgrade_ends_after_it_and_may_be_subscribed_to(version_1: Database) -> None:
    seeder = Seeder(version_1)
    job_id = seeder.job()
    (task,) = opened_by_the_app_of_before(version_1, job_id, 1)
    SchemaRepository(version_1).migrate()
    seeder.complete(task)
    job = NewJob(job_id=job_id, job_type="any", parameters={}, total_stages=1, correlation_id="later")
    PostgresJobRepository(version_1).submit(job, Subscription([NewCallback("https://hooks.example.com/")]))
    seeder.finish_job(job_id, JobStatus.COMPLETED)
    assert version_1.fetch_all("select state::text, status::text from app.callbacks") == [
        {"state": "due", "status": "completed"}
    ]
