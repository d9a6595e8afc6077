"""``/db/functions/test`` on a real database: tells what is wrong with a function, and changes nothing."""

from repositories.postgres import Database
from tests.support.routes import Answer, call
from tests.support.seeding import Seeder
from triggers.application import Application


def checks(application: Application) -> Answer:
    return call(application, "GET", "/db/functions/test")


def test_every_function_of_a_migrated_database_is_current_and_works(application: Application) -> None:
    answer = checks(application).json()
    wrong = [check for check in answer["functions"] if not (check["current"] and check["works"])]
    assert wrong == []
    assert answer["ok"] is True
    assert {"submit_job", "finish_task", "on_task_transition"} <= {
        check["name"] for check in answer["functions"]
    }


def test_trying_the_functions_leaves_nothing_behind(application: Application, database: Database) -> None:
    checks(application)
    counts = database.fetch_one(
        "select (select count(*) from app.jobs) as jobs, (select count(*) from app.outbox) as outbox,"
        " (select count(*) from app.job_events) as events,"
        " (select count(*) from pg_namespace where nspname like 'pg_temp%') as schemas"
    )
    assert counts == {"jobs": 0, "outbox": 0, "events": 0, "schemas": 0}


def test_trying_the_functions_does_no_work_of_the_sweep(application: Application, database: Database) -> None:
    seeder = Seeder(database)
    task_id = seeder.stage(seeder.job(), 1)[0]
    token = seeder.claim(task_id).lease_token
    database.execute("update app.tasks set lease_expires_at = now() - interval '1 hour'")
    checks(application)
    row = database.fetch_one("select lease_token from app.tasks where task_id = %s", (task_id,))
    assert row == {"lease_token": token}


def test_a_missing_function_is_told(application: Application, database: Database) -> None:
    database.execute("drop function app.heartbeat")
    check = _check(application, "heartbeat")
    assert (check["present"], check["current"], check["works"]) == (None, False, False)
    assert check["message"] == "missing: apply the migrations"
    assert check["expected"].startswith("p_task_ids text[], p_lease_tokens uuid[]")


def test_another_signature_is_told(application: Application, database: Database) -> None:
    database.execute("drop function app.claim_outbox")
    database.execute("create function app.claim_outbox(p_limit bigint) returns bigint return p_limit")
    check = _check(application, "claim_outbox")
    assert check["expected"] == "p_limit integer -> SETOF jsonb"
    assert check["present"] == "p_limit bigint -> bigint"
    assert check["current"] is False


def test_another_body_is_told(application: Application, database: Database) -> None:
    database.execute(
        "create or replace function"
        " app.has_unfinished_task(p_job_id char(64), p_run integer, p_stage integer) returns boolean"
        " language sql as 'select false'"
    )
    check = _check(application, "has_unfinished_task")
    assert check["expected"] == check["present"]
    assert (check["current"], check["works"]) == (False, True)


def test_a_function_that_fails_is_told_with_its_error(application: Application, database: Database) -> None:
    database.execute("alter table app.outbox rename column claimed_until to taken_until")
    check = _check(application, "claim_outbox")
    assert check["works"] is False
    assert check["message"].startswith("42703: column")


def test_a_trigger_that_is_disabled_is_told(application: Application, database: Database) -> None:
    database.execute("alter table app.tasks disable trigger tasks_transition")
    check = _check(application, "on_task_transition")
    assert (check["works"], check["message"]) == (False, "no trigger fires it, or one is disabled")


def test_an_overload_left_from_before_is_told(application: Application, database: Database) -> None:
    database.execute("create function app.claim_outbox(p_limit text) returns text return p_limit")
    answer = checks(application).json()
    named = [check for check in answer["functions"] if check["name"] == "claim_outbox"]
    assert [(check["expected"] is None, check["works"]) for check in named] == [(False, True), (True, False)]
    assert answer["ok"] is False


def test_functions_without_a_schema_are_all_missing(application: Application, database: Database) -> None:
    database.execute("drop schema app cascade")
    answer = checks(application)
    assert answer.status == 200
    assert {check["message"] for check in answer.json()["functions"]} == {"missing: apply the migrations"}


def _check(application: Application, name: str) -> dict[str, object]:
    answer = checks(application).json()
    assert answer["ok"] is False
    return next(check for check in answer["functions"] if check["name"] == name)
