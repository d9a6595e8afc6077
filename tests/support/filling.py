"""Fills a database with what months of work leave behind: jobs of all sizes, types and ends, newest last."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from repositories.postgres import Database

COMMON_TYPE, RARE_TYPE, MIXED_TYPE = "common", "rare", "mixed"
_STAGES = 2
_TASKS_PER_JOB = 47
"""On average of the sizes below."""

# Written without triggers and foreign keys, which would take an hour. Every 1,000th job is of the rare type,
# one in 200 failed, one in 2,000 was cancelled, the newest ten still run. In the middle lies the large job.
# Half of the tasks of every fifth job's second stage are of another type.
_JOBS: LiteralString = """
insert into app.jobs
    (job_id, job_type, parameters, status, last_event, stage, total_stages, correlation_id, error, result,
     created_at, started_at, finished_at, updated_at)
select encode(sha256(n::text::bytea), 'hex'),
       case when n %% 1000 = 7 then 'rare' when n %% 5 = 0 then 'usual' else 'common' end,
       jsonb_build_object('number', n, 'source', repeat('s', 100)),
       m.status::app.job_status, 'completed', 2, 2, 'filled',
       case when m.status = 'failed' then '{"code": "FAILED", "message": "it failed"}'::jsonb end,
       '{"done": true}', m.at, m.at + interval '1 second',
       case when m.status <> 'processing' then m.at + interval '1 minute' end, m.at + interval '1 minute'
  from generate_series(1, %(jobs)s) n
 cross join lateral (
       select now() - interval '1 minute' - (%(jobs)s - n) * interval '2 minutes' as at,
              case when n > %(jobs)s - 10 then 'processing' when n %% 2000 = 11 then 'cancelled'
                   when n %% 200 = 3 then 'failed' else 'completed' end as status) m
 order by n
"""
_STAGE_ROWS: LiteralString = """
insert into app.stages
    (job_id, run, stage, status, last_event, task_type, task_types, correlation_id, expected, completed,
     max_parallel_tasks, fail_fast, min_success_rate, max_attempts, retry_base, retry_factor, retry_cap,
     retry_jitter, lease, task_timeout, timeout, opened_at, closing_at, closed_at, result)
select j.job_id, 1, s,
       case when j.status = 'processing' and s = 2 then 'open' else 'completed' end::app.stage_status,
       'settled', j.job_type, case when j.job_type = 'usual' and s = 2 then array['mixed', 'usual'] end,
       'filled', 0, 0, 200, false, 0, 3, '1 second', 2, '1 minute',
       0.1, '2 minutes', '5 minutes', '1 hour', j.created_at + s * interval '1 second', j.finished_at,
       j.finished_at, case when j.status <> 'processing' then '{"task_results": []}'::jsonb end
  from app.jobs j, generate_series(1, %(stages)s) s
 order by j.created_at, s
"""
_TASK_ROWS: LiteralString = """
insert into app.tasks
    (task_id, job_id, run, stage, task_index, position, task_type, correlation_id, status, last_event,
     parameters, result, error, attempt, max_attempts, worker, created_at, started_at, finished_at,
     lease_token, lease_expires_at, heartbeat_at)
select left(s.job_id, 16) || '-r1-s' || s.stage || '-' || p.p, s.job_id, 1, s.stage, p.p::text, p.p,
       case when p.p %% 2 = 1 and s.task_types is not null then 'mixed' else s.task_type end, 'filled',
       m.status::app.task_status, 'completed',
       jsonb_build_object('number', p.p, 'tile', repeat('t', 60)),
       case when m.status = 'completed'
            then '{"items": 1, "href": "https://storage.example/silver/tile.tif"}'::jsonb end,
       case when m.status = 'failed' then '{"code": "FAILED", "message": "it failed"}'::jsonb end,
       1, 3, 'worker', s.opened_at, s.opened_at,
       case when s.status <> 'open' then s.opened_at + interval '1 second' end,
       case when m.status = 'processing' then gen_random_uuid() end,
       case when m.status = 'processing' then now() + interval '1 day' end, s.opened_at
  from app.stages s
  join app.jobs j on j.job_id = s.job_id
 cross join lateral (select (j.parameters ->> 'number')::integer as number) k
 cross join lateral generate_series(0, (case when k.number = %(jobs)s / 2 then %(large)s
       else (array[5, 20, 45, 120])[1 + k.number %% 4] end) / %(stages)s - 1) p
 cross join lateral (
       select case when s.status = 'open' and p.p < 2 then 'processing'
                   when s.status = 'open' then 'queued'
                   when j.status = 'cancelled' and s.stage = 2 then 'skipped'
                   when j.status = 'failed' and s.stage = 2 and p.p = 1 then 'failed'
                   when k.number = %(jobs)s / 2 and p.p %% 1000 = 999 then 'failed'
                   else 'completed' end as status) m
 order by j.created_at, s.stage, p.p
"""
_EVENTS: LiteralString = """
insert into app.job_events
    (at, job_id, run, stage, task_id, attempt, entity, from_status, event, to_status)
select t.created_at, t.job_id, t.run, t.stage, t.task_id, 1, 'task',
       moved.from_status, moved.event, moved.to_status
  from app.tasks t, (values ('queued', 'claimed', 'processing'), ('processing', 'completed', 'completed'))
       as moved (from_status, event, to_status)
 order by t.created_at
"""
_JOB_EVENTS: LiteralString = """
insert into app.job_events (at, job_id, run, entity, from_status, event, to_status)
select coalesce(finished_at, now()), job_id, 1, 'job', 'processing', 'completed', 'completed' from app.jobs
"""
_LETTERS: LiteralString = """
insert into app.dead_letters
    (queue, message_id, body, digest, size, dequeue_count, error_code, error, verdict)
select 'geospatial-tasks', n::text, repeat('b', 500), md5(n::text), 500, 5, 'MALFORMED_MESSAGE',
       'not readable', 'unhandled'
  from generate_series(1, 10000) n
"""


@dataclass(frozen=True)
class Filled:
    """What there is: how much of it, the job that has most tasks, and moments of the jobs' creation."""

    jobs: int
    tasks: int
    events: int
    large_job: str
    largest: int
    middle: datetime
    end: datetime


def fill(database: Database, tasks: int) -> Filled:
    """So many tasks or a few more, a twentieth of them in one job; statistics are up to date afterwards."""
    large = tasks // 20
    given = {"jobs": (tasks - large) // _TASKS_PER_JOB + 4, "stages": _STAGES, "large": large}
    with database.transaction() as connection:
        connection.execute("set local session_replication_role = replica")
        for statement in (_JOBS, _STAGE_ROWS, _TASK_ROWS):
            connection.execute(statement, given)
        for statement in (_EVENTS, _JOB_EVENTS, _LETTERS):
            connection.execute(statement)
    database.execute("vacuum analyze")
    found = database.fetch_one(
        "select count(*) as jobs, max(created_at) as end,"
        " percentile_disc(0.5) within group (order by created_at) as middle,"
        " (select count(*) from app.tasks) as tasks, (select count(*) from app.job_events) as events,"
        " (select job_id from app.tasks group by job_id order by count(*) desc limit 1) as large_job"
        "  from app.jobs"
    )
    if found is None:
        raise RuntimeError("nothing was filled in")
    return Filled(**found, largest=large)
