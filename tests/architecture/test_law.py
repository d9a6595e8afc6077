"""The table of transitions is one and the same in code and database, and the database enforces it."""

from orchestration.diagnosing import CODE_ENUMS
from repositories.inspection import PostgresInspectionRepository
from repositories.postgres import Database
from schema.states import (
    FINAL_JOB_STATES,
    FINAL_TASK_STATES,
    TRANSITIONS,
    JobStatus,
    StageStatus,
    TaskStatus,
    Transition,
)

STATES = {"job": JobStatus, "stage": StageStatus, "task": TaskStatus}
EVENTS = sorted({move.event for move in TRANSITIONS} | {"none_of_these"})

# Each try is made on rows of its own and undone again, whatever came of it.
_TRY_EVERY_MOVE = """
create temporary table verdicts (entity text, from_status text, event text, to_status text, verdict text);
do $$
declare
    v_move record;
    v_verdict text;
    c_job constant text := repeat('a', 64);
begin
    for v_move in
        select e.entity, f.label as from_status, v.event, t.label as to_status
          from (values ('job', 'app.job_status'::regtype), ('stage', 'app.stage_status'),
                       ('task', 'app.task_status')) as e (entity, type)
          cross join lateral (select enumlabel as label from pg_enum where enumtypid = e.type) as f
          cross join lateral (select enumlabel as label from pg_enum where enumtypid = e.type) as t
          cross join unnest(string_to_array(%(events)s, ',')) as v (event)
         where f.label <> t.label
    loop
        begin
            insert into app.jobs (job_id, job_type, parameters, total_stages, correlation_id, status)
            values (c_job, 'law', '{}', 1, 'law', (case v_move.entity
                    when 'job' then v_move.from_status else 'processing' end)::app.job_status);
            insert into app.stages
                (job_id, run, stage, task_type, correlation_id, expected, max_parallel_tasks, fail_fast,
                 min_success_rate, max_attempts, retry_base, retry_factor, retry_cap, retry_jitter, lease,
                 task_timeout, timeout, status)
            values (c_job, 1, 1, 'law', 'law', 1, 1, true, 100, 1, '1s', 1, '1s', 0, '1s', '1s', '1h',
                 (case v_move.entity
                    when 'stage' then v_move.from_status else 'open' end)::app.stage_status);
            insert into app.tasks
                (task_id, job_id, run, stage, task_index, position, task_type, correlation_id,
                 parameters, max_attempts, status, lease_token)
            select 'law', c_job, 1, 1, '0', 0, 'law', 'law', '{}', 1, s.status::app.task_status,
                   case s.status when 'processing' then gen_random_uuid() end
              from (select case v_move.entity
                           when 'task' then v_move.from_status else 'queued' end) as s (status);

            case v_move.entity
            when 'job' then
                update app.jobs set status = v_move.to_status::app.job_status, last_event = v_move.event;
            when 'stage' then
                update app.stages set status = v_move.to_status::app.stage_status, last_event = v_move.event;
            when 'task' then
                update app.tasks
                   set status = v_move.to_status::app.task_status, last_event = v_move.event,
                       lease_token = case v_move.to_status when 'processing' then gen_random_uuid() end;
            end case;
            raise exception 'undo' using errcode = 'GJ999';
        exception
            when sqlstate 'GJ999' then v_verdict := 'allowed';
            when sqlstate 'GJ001' then v_verdict := 'refused';
        end;
        insert into verdicts
        values (v_move.entity, v_move.from_status, v_move.event, v_move.to_status, v_verdict);
    end loop;
end $$
"""


def test_the_databases_table_equals_the_codes(database: Database) -> None:
    assert PostgresInspectionRepository(database).law().transitions == set(TRANSITIONS)


def test_the_databases_enums_equal_the_codes(database: Database) -> None:
    enums = PostgresInspectionRepository(database).law().enums
    assert {name: tuple(labels) for name, labels in enums.items()} == {
        name: tuple(str(label) for label in labels) for name, labels in CODE_ENUMS.items()
    }


def test_the_database_allows_every_move_of_the_table_and_refuses_every_other(database: Database) -> None:
    literal = "'" + ",".join(EVENTS) + "'"
    with database.connection() as connection:
        connection.execute(_TRY_EVERY_MOVE.replace("%(events)s", literal).encode())
        rows = connection.execute("select * from verdicts").fetchall()
    tried = {
        Transition(row["entity"], row["from_status"], row["event"], row["to_status"]): row["verdict"]
        for row in rows
    }

    pairs = sum(len(states) * (len(states) - 1) for states in STATES.values())
    assert len(tried) == pairs * len(EVENTS)
    assert {move for move, verdict in tried.items() if verdict == "allowed"} == set(TRANSITIONS)


def test_every_move_is_between_two_states_that_there_are() -> None:
    for move in TRANSITIONS:
        states = STATES[move.entity]
        assert states(move.from_status) is not states(move.to_status)


def test_a_finished_job_goes_on_only_where_it_is_retried_or_run_again() -> None:
    left = {
        move.event for move in TRANSITIONS if move.entity == "job" and move.from_status in FINAL_JOB_STATES
    }
    assert left == {"retried", "rerun"}


def test_a_completed_job_changes_only_by_a_run_of_its_own() -> None:
    completed = (JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS)
    left = {move.event for move in TRANSITIONS if move.entity == "job" and move.from_status in completed}
    assert left == {"rerun"}


def test_a_finished_task_changes_only_with_its_whole_stage() -> None:
    left = {
        move.event for move in TRANSITIONS if move.entity == "task" and move.from_status in FINAL_TASK_STATES
    }
    assert left == {"stage_retried"}


def test_a_completed_stage_changes_only_where_its_job_is_retried() -> None:
    completed = (StageStatus.COMPLETED, StageStatus.COMPLETED_WITH_ERRORS)
    left = {move.event for move in TRANSITIONS if move.entity == "stage" and move.from_status in completed}
    assert left == {"retried"}
