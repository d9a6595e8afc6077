"""The read-only ``/db`` routes on a real database."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from psycopg import sql

from repositories.postgres import Database
from repositories.sweeps import PostgresSweepRepository
from schema.states import TaskStatus
from tests.support.routes import Answer, call
from tests.support.seeding import Seeder
from triggers.application import Application

UNKNOWN_JOB = "0" * 64


@pytest.fixture
def seeder(database: Database) -> Seeder:
    return Seeder(database)


@pytest.fixture
def finished_job(seeder: Seeder) -> str:
    """A job of one stage, of which one task completed, one failed, one runs and one waits."""
    job_id = seeder.job("first_type", total_stages=1)
    done, failed, running, _ = seeder.stage(job_id, 4)
    seeder.complete(done, answer=42)
    seeder.fail(failed)
    seeder.claim(running)
    return job_id


def get(application: Application, target: str) -> Answer:
    return call(application, "GET", target)


def test_jobs_come_newest_first_with_what_was_asked(application: Application, seeder: Seeder) -> None:
    ids = [seeder.job(f"type_{index}") for index in range(3)]
    answer = get(application, "/db/jobs").json()
    assert [job["job_id"] for job in answer["jobs"]] == ids[::-1]
    info = answer["query_info"]
    assert info.pop("execution_time_ms") >= 0
    assert info == {
        "limit": 10,
        "hours_back": 24,
        "status_filter": None,
        "job_type_filter": None,
        "total_found": 3,
        "total_is_capped": False,
    }


def test_total_found_counts_beyond_the_limit(application: Application, seeder: Seeder) -> None:
    for _ in range(3):
        seeder.job()
    answer = get(application, "/db/jobs?limit=2").json()
    assert len(answer["jobs"]) == 2
    assert answer["query_info"]["total_found"] == 3


def test_jobs_are_filtered_by_status_and_type(application: Application, seeder: Seeder) -> None:
    seeder.job("other_type")
    wanted = seeder.job("wanted_type")
    seeder.finish_job(wanted)
    seeder.job("wanted_type")
    answer = get(application, "/db/jobs?status=completed&job_type=wanted_type").json()
    assert [job["job_id"] for job in answer["jobs"]] == [wanted]
    assert answer["query_info"]["status_filter"] == "completed"
    assert answer["query_info"]["job_type_filter"] == "wanted_type"


def test_jobs_older_than_the_hours_are_left_out(
    application: Application, database: Database, seeder: Seeder
) -> None:
    old, recent = seeder.job(), seeder.job()
    database.execute(
        "update app.jobs set created_at = now() - interval '90 minutes' where job_id = %s", (old,)
    )
    answer = get(application, "/db/jobs?hours=1").json()
    assert [job["job_id"] for job in answer["jobs"]] == [recent]
    assert get(application, "/db/jobs?hours=2").json()["query_info"]["total_found"] == 2


def test_a_job_is_shown_whole_with_stages_and_counts(application: Application, finished_job: str) -> None:
    answer = get(application, f"/db/jobs/{finished_job}").json()
    assert answer["job"]["job_id"] == finished_job
    assert answer["job"]["parameters"]["seed"]
    assert [(stage["stage"], stage["status"], stage["expected"]) for stage in answer["stages"]] == [
        (1, "open", 4)
    ]
    counts = {row["status"]: row["tasks"] for row in answer["task_counts"]}
    assert counts == {"completed": 1, "failed": 1, "processing": 1, "queued": 1}


def test_times_are_utc_whatever_the_session_says(
    application: Application, database: Database, database_name: str, seeder: Seeder
) -> None:
    seeder.job()
    zone = sql.SQL("alter database {} set timezone = 'Asia/Kolkata'").format(sql.Identifier(database_name))
    with database.connection() as connection:
        connection.execute(zone)
    created = get(application, "/db/jobs").json()["jobs"][0]["created_at"]
    assert created.endswith(("Z", "+00:00"))


@pytest.mark.parametrize("path", ["/db/jobs", "/db/tasks"])
def test_an_unknown_job_is_a_404(application: Application, path: str) -> None:
    answer = get(application, f"{path}/{UNKNOWN_JOB}")
    assert answer.status == 404
    assert answer.json()["code"] == "JOB_NOT_FOUND"


def test_tasks_are_filtered_by_status_stage_and_type(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job()
    wanted, _ = seeder.stage(job_id, 2, stage=1, task_type="wanted_task")
    seeder.complete(wanted)
    other = seeder.job()
    seeder.complete(seeder.stage(other, 1, task_type="other_task")[0])
    answer = get(application, "/db/tasks?status=completed&stage=1&task_type=wanted_task").json()
    assert [task["task_id"] for task in answer["tasks"]] == [wanted]
    info = answer["query_info"]
    assert (info["status_filter"], info["stage_filter"], info["task_type_filter"]) == (
        "completed",
        1,
        "wanted_task",
    )
    assert (info["limit"], info["total_found"]) == (50, 1)


def test_tasks_of_a_stage_of_several_types_are_found_by_their_own(
    application: Application, seeder: Seeder
) -> None:
    first, second, third = seeder.stage(seeder.job(), 3, task_type="own", types={1: "other", 2: "third"})
    (alone,) = seeder.stage(seeder.job(), 1, task_type="own", types={0: "other"})
    for task_type, wanted in {"own": [first], "other": [alone, second], "third": [third]}.items():
        answer = get(application, f"/db/tasks?task_type={task_type}").json()
        assert [task["task_id"] for task in answer["tasks"]] == wanted
        assert answer["query_info"]["total_found"] == len(wanted)


def test_a_job_s_row_tells_the_types_of_a_stage_s_tasks(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job()
    seeder.stage(job_id, 2, stage=1, task_type="own")
    seeder.stage(job_id, 2, stage=2, task_type="own", types={1: "other"})
    stages = get(application, f"/db/jobs/{job_id}").json()["stages"]
    assert [(stage["task_type"], stage["task_types"]) for stage in stages] == [
        ("own", None),
        ("own", ["other", "own"]),
    ]


@pytest.fixture
def task_of_each_status(seeder: Seeder, database: Database) -> dict[str, str]:
    """Tasks by their status, all of stage 1 and one type, and each made after those before it."""
    made: dict[str, str] = {}
    for status in TaskStatus:
        (made[status],) = seeder.stage(seeder.job(), 1, task_type="wanted_task")
    with database.transaction() as connection:
        connection.execute("set local session_replication_role = replica")
        for status, task_id in made.items():
            token = uuid4() if status == TaskStatus.PROCESSING else None
            connection.execute(
                "update app.tasks set status = %s, lease_token = %s where task_id = %s",
                [status, token, task_id],
            )
    return made


@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize(
    "others", ["", "&stage=1", "&task_type=wanted_task", "&stage=1&task_type=wanted_task"]
)
def test_tasks_of_every_status_are_found_and_counted(
    application: Application, task_of_each_status: dict[str, str], status: TaskStatus, others: str
) -> None:
    answer = get(application, f"/db/tasks?status={status}{others}").json()
    assert [task["task_id"] for task in answer["tasks"]] == [task_of_each_status[status]]
    assert answer["query_info"]["total_found"] == 1


@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize("others", ["stage=2", "task_type=other_task"])
def test_tasks_of_a_status_that_are_not_what_was_asked_are_left_out(
    application: Application, task_of_each_status: dict[str, str], status: TaskStatus, others: str
) -> None:
    answer = get(application, f"/db/tasks?status={status}&{others}").json()
    assert (answer["tasks"], answer["query_info"]["total_found"]) == ([], 0)


def test_tasks_come_newest_stage_first_and_in_the_stage_in_order(
    application: Application, task_of_each_status: dict[str, str], seeder: Seeder
) -> None:
    newest = seeder.stage(seeder.job(), 3)
    tasks = get(application, "/db/tasks").json()["tasks"]
    assert [task["task_id"] for task in tasks] == [*newest, *reversed(task_of_each_status.values())]


@pytest.mark.parametrize("filters", ["", "&status=queued"])
def test_tasks_made_before_the_hours_asked_for_are_left_out(
    application: Application, seeder: Seeder, database: Database, filters: str
) -> None:
    job_id = seeder.job()
    seeder.stage(job_id, 2)
    (newer,) = seeder.stage(seeder.job(), 1)
    for table, column in (("stages", "opened_at"), ("tasks", "created_at")):
        statement = sql.SQL("update app.{} set {} = now() - interval '3 hours' where job_id = {}")
        with database.connection() as connection:
            connection.execute(
                statement.format(sql.Identifier(table), sql.Identifier(column), sql.Literal(job_id))
            )
    answer = get(application, f"/db/tasks?hours=2{filters}").json()
    assert [task["task_id"] for task in answer["tasks"]] == [newer]
    assert answer["query_info"]["total_found"] == 1


def test_a_task_shows_attempt_heartbeat_lease_error_and_times(
    application: Application, finished_job: str
) -> None:
    tasks = get(application, f"/db/tasks/{finished_job}").json()["tasks"]
    done, failed, running, waiting = tasks
    assert running["attempt"] == 1
    assert running["heartbeat_at"]
    assert running["lease_expires_at"] > running["heartbeat_at"]
    assert running["worker"] == "seeder"
    assert failed["error"]["code"] == "SEEDED"
    assert done["result"] == {"answer": 42}
    assert done["started_at"] <= done["finished_at"]
    assert (waiting["status"], waiting["attempt"], waiting["started_at"]) == ("queued", 0, None)


def test_tasks_of_a_job_are_paged_without_gap_or_repetition(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job()
    first = seeder.stage(job_id, 12, stage=1)
    second = seeder.stage(job_id, 5, stage=2)
    pages = list(_pages(application, f"/db/tasks/{job_id}?limit=5"))
    assert [len(page) for page in pages] == [5, 5, 5, 2]
    assert [task["task_id"] for page in pages for task in page] == [*first, *second]


def test_the_last_full_page_has_no_cursor(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job()
    seeder.stage(job_id, 5)
    assert get(application, f"/db/tasks/{job_id}?limit=5").json()["next_cursor"] is None


def test_a_job_without_tasks_has_an_empty_page(application: Application, seeder: Seeder) -> None:
    answer = get(application, f"/db/tasks/{seeder.job()}")
    assert answer.status == 200
    assert answer.json()["tasks"] == []


def test_large_values_are_left_out_of_lists_and_their_size_is_told(
    application: Application, seeder: Seeder
) -> None:
    job_id = seeder.job()
    small, large = seeder.stage(job_id, 2)
    seeder.complete(small, text="x" * 100)
    seeder.complete(large, text="".join(f"{number:x}" for number in range(20_000)))
    for target in (f"/db/tasks/{job_id}", "/db/tasks", "/db/debug/all"):
        tasks = {task["task_id"]: task for task in get(application, target).json()["tasks"]}
        assert tasks[small]["result"] == {"text": "x" * 100}
        assert tasks[small]["truncated"] == {}
        assert tasks[large]["result"] is None
        assert tasks[large]["truncated"]["result"] > 4096


def test_a_large_value_that_compresses_well_is_left_out_too(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job(text="x" * 50_000)
    answer = get(application, "/db/jobs")
    assert answer.json()["jobs"][0]["parameters"] is None
    assert list(answer.json()["jobs"][0]["truncated"]) == ["parameters"]
    assert len(get(application, f"/db/jobs/{job_id}").json()["job"]["parameters"]["text"]) == 50_000


def test_no_route_shows_a_lease_token(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job()
    token = str(seeder.claim(seeder.stage(job_id, 1)[0]).lease_token)
    for target in (f"/db/jobs/{job_id}", "/db/tasks", f"/db/tasks/{job_id}", "/db/debug/all"):
        text = get(application, target).text
        assert token not in text
        assert "lease_token" not in text


def test_stats_count_by_type_and_status(application: Application, finished_job: str) -> None:
    stats = get(application, "/db/stats").json()
    assert stats["jobs_by_type_and_status"] == [{"job_type": "first_type", "status": "processing", "jobs": 1}]
    assert {row["status"]: row["tasks"] for row in stats["tasks_by_type_and_status"]} == {
        "completed": 1,
        "failed": 1,
        "processing": 1,
        "queued": 1,
    }
    assert stats["speed"]["last_hour"]["tasks"]["finished"] == 2
    assert stats["speed"]["last_day"]["tasks"]["p95_seconds"] >= 0
    assert (stats["unfinished"]["jobs"], stats["unfinished"]["tasks"]) == (1, 2)


def test_stats_tell_sizes_connections_and_the_oldest_waiting(
    application: Application, finished_job: str
) -> None:
    stats = get(application, "/db/stats").json()
    assert {"jobs", "stages", "tasks", "outbox"} <= {row["table"] for row in stats["tables"]}
    assert all(row["total_bytes"] >= row["heap_bytes"] and "dead_rows" in row for row in stats["tables"])
    assert "tasks_unfinished" in {row["index"] for row in stats["indexes"]}
    assert 1 <= stats["connections"]["total"] <= stats["connections"]["max_connections"]
    assert stats["unfinished"]["oldest_outbox_age_seconds"] >= 0
    assert stats["unfinished"]["oldest_queued_task_age_seconds"] >= 0


def test_enums_and_transitions_of_a_migrated_database_equal_the_codes(application: Application) -> None:
    answer = get(application, "/db/enums/diagnostic").json()
    assert answer["ok"] is True
    assert answer["differences"] == []
    assert all(enum["equal"] for enum in answer["enums"])
    assert answer["transitions"]["database"] == answer["transitions"]["code"] > 0


def test_the_diagnostic_lists_each_difference(application: Application, database: Database) -> None:
    database.execute("alter type app.task_status add value 'paused'")
    database.execute("create type app.colour as enum ('red')")
    database.execute("delete from app.transitions where entity = 'job' and event = 'started'")
    database.execute("insert into app.transitions values ('job', 'failed', 'wished', 'completed')")
    answer = get(application, "/db/enums/diagnostic").json()
    assert answer["ok"] is False
    assert answer["differences"] == [
        "the code has no enum colour",
        "task_status: only the code has [], only the database has ['paused']",
        "only the database allows: job: failed -> completed by wished",
        "only the code allows: job: queued -> processing by started",
    ]


def test_debug_shows_the_newest_rows_of_every_table(
    application: Application, database: Database, finished_job: str
) -> None:
    PostgresSweepRepository(database).sweep(10)
    answer = get(application, "/db/debug/all?limit=3").json()
    assert set(answer) == {"jobs", "stages", "tasks", "outbox", "dead_letters", "events", "sweeps"}
    assert [len(answer[name]) for name in ("jobs", "stages", "tasks", "events", "sweeps")] == [1, 1, 3, 3, 1]
    events = [event["event_id"] for event in answer["events"]]
    assert events == sorted(events, reverse=True)


@pytest.mark.parametrize("target", ["/db/jobs", "/db/tasks", "/db/stats", "/db/debug/all"])
def test_reads_without_a_schema_are_a_503(application: Application, database: Database, target: str) -> None:
    database.execute("drop schema app cascade")
    answer = get(application, target)
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert answer.json()["code"] == "DATABASE_UNAVAILABLE"


def test_every_read_leaves_the_database_as_it_was(
    application: Application, database: Database, finished_job: str
) -> None:
    before = _contents(database)
    for target in ("/db/jobs", f"/db/jobs/{finished_job}", "/db/tasks", "/db/stats", "/db/functions/test"):
        assert get(application, target).status == 200
    assert _contents(database) == before


def _pages(application: Application, target: str) -> Iterator[list[dict[str, object]]]:
    page = get(application, target).json()
    yield page["tasks"]
    while page["next_cursor"]:
        page = get(application, f"{target}&cursor={page['next_cursor']}").json()
        yield page["tasks"]


def _contents(database: Database) -> str:
    rows = [
        database.fetch_all("select * from app.jobs"),
        database.fetch_all("select * from app.tasks order by task_id"),
        database.fetch_all("select * from app.outbox order by outbox_id"),
        database.fetch_all("select * from app.job_events order by event_id"),
    ]
    return json.dumps(rows, default=str)
