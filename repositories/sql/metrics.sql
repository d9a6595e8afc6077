-- What the metrics are made of. Read only. Whatever grows with what is finished is looked for among the newest
-- %(sample)s rows; what is unfinished is counted through partial indexes.

-- name: schema_version
select coalesce(max(version), 0) as version from app.schema_migrations;

-- name: jobs
select job_type, status::text, count(*) as number from app.jobs
 where status in ('queued', 'processing')
 group by job_type, status order by job_type, status;

-- name: tasks
select task_type, status::text, count(*) as number from app.tasks
 where status in ('pending', 'queued', 'processing')
 group by task_type, status order by task_type, status;

-- name: jobs_ended
-- A row for each type and state, and one for each type with no state and the quantiles.
with ended as (
    select job_type, status, extract(epoch from finished_at - started_at)::double precision as seconds
      from app.jobs where finished_at > now() - interval '1 hour'
     order by finished_at desc limit %(sample)s
)
select job_type as kind, status::text, count(*) as number, null::double precision[] as seconds
  from ended group by job_type, status
union all
select job_type, null, count(*), percentile_cont(%(quantiles)s::double precision[]) within group (order by seconds)
  from ended group by job_type
 order by kind, status;

-- name: tasks_ended
-- By what they are now: a task may have ended, and been queued again. Each is looked up by itself (offset 0 keeps the
-- planner from joining), as the table may be a hundred times as long as the sample.
with newest as (
    select task_id, to_status, at from app.job_events order by event_id desc limit %(sample)s
), ended as (
    select t.task_type, t.status, extract(epoch from t.finished_at - t.started_at)::double precision as seconds
      from (select distinct task_id from newest
             where task_id is not null and at > now() - interval '1 hour'
               and to_status in ('completed', 'failed', 'skipped', 'cancelled')) as e
     cross join lateral (
           select task_type, status, started_at, finished_at from app.tasks where task_id = e.task_id offset 0) as t
     where t.finished_at > now() - interval '1 hour'
)
select task_type as kind, status::text, count(*) as number, null::double precision[] as seconds
  from ended group by task_type, status
union all
select task_type, null, count(*), percentile_cont(%(quantiles)s::double precision[]) within group (order by seconds)
  from ended group by task_type
 order by kind, status;

-- name: retries
with newest as (
    select event, at from app.job_events order by event_id desc limit %(sample)s
)
select wanted.event, count(newest.event) as number
  from unnest(array['attempt_failed', 'lease_expired', 'stage_retried']) as wanted (event)
  left join newest on newest.event = wanted.event and newest.at > now() - interval '1 hour'
 group by wanted.event order by wanted.event;

-- name: events_window
-- The last event of the sample is as old as its window is long; where it is not there (least passes over null) the
-- sample covers all there is.
select least(3600, extract(epoch from now() - (
           select at from app.job_events order by event_id desc offset %(sample)s - 1 limit 1)))::double precision as seconds;

-- name: oldest_queued_task
select extract(epoch from now() - not_before)::double precision as seconds from app.tasks
 where status = 'queued' and not_before <= now()
 order by not_before limit 1;

-- name: outbox
select (select count(*) from (select from app.outbox limit %(sample)s) as waiting) as messages,
       (select extract(epoch from now() - created_at)::double precision
          from app.outbox order by outbox_id limit 1) as lag_seconds;

-- name: sweep_repairs
with newest as (
    select repairs from (select repairs, finished_at from app.sweeps order by sweep_id desc limit 1000) as latest
     where finished_at > now() - interval '1 hour'
)
select repair.kind, sum(repair.number::bigint)::bigint as number
  from newest cross join lateral jsonb_each_text(newest.repairs) as repair (kind, number)
 group by repair.kind order by repair.kind;

-- name: last_sweep
select extract(epoch from now() - finished_at)::double precision as age_seconds from app.sweeps
 where finished_at is not null
 order by sweep_id desc limit 1;

-- name: dead_letters
with newest as (
    select verdict, replayed_at, disposed_at from app.dead_letters order by dead_letter_id desc limit %(sample)s
)
select coalesce(verdict, 'none') as verdict, count(*) as number from newest
 where replayed_at is null and disposed_at is null
 group by verdict order by verdict;
