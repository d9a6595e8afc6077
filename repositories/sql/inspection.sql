-- What people ask who look into the database. Read only, bounded, and never with a lease token.
-- A JSON value of more than %(most)s bytes is left out of lists: "truncated" has its stored size instead.

-- name: jobs_page
select job_id, job_type, status, run, stage, total_stages, created_at, started_at, finished_at, updated_at
  from app.jobs
 where (%(status)s::app.job_status is null or status = %(status)s)
   and (%(job_type)s::text is null or job_type = %(job_type)s)
   and (%(since)s::timestamptz is null or created_at >= %(since)s)
   and (%(until)s::timestamptz is null or created_at < %(until)s)
   and (%(before_at)s::timestamptz is null
        or created_at <= %(before_at)s and (created_at < %(before_at)s or job_id > %(before_id)s))
 order by created_at desc, job_id
 limit %(limit)s;

-- name: job_rows
select j.job_id, j.job_type, j.status, j.last_event, j.run, j.stage, j.total_stages, j.submitted_by,
       j.correlation_id, j.created_at, j.started_at, j.finished_at, j.updated_at, j.expires_at, j.result_ref,
       case when not cut.parameters then j.parameters end as parameters,
       case when not cut.result then j.result end as result,
       case when not cut.error then j.error end as error,
       jsonb_strip_nulls(jsonb_build_object(
           'parameters', case when cut.parameters then pg_column_size(j.parameters) end,
           'result', case when cut.result then pg_column_size(j.result) end,
           'error', case when cut.error then pg_column_size(j.error) end)) as truncated
  from app.jobs j
  cross join lateral (
      select coalesce(pg_column_size(j.parameters) > %(most)s or length(j.parameters::text) > %(most)s, false),
             coalesce(pg_column_size(j.result) > %(most)s or length(j.result::text) > %(most)s, false),
             coalesce(pg_column_size(j.error) > %(most)s or length(j.error::text) > %(most)s, false)
  ) as cut (parameters, result, error)
 where (%(status)s::app.job_status is null or j.status = %(status)s)
   and (%(job_type)s::text is null or j.job_type = %(job_type)s)
   and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
 order by j.created_at desc, j.job_id
 limit %(limit)s;

-- name: count_jobs
select count(*) as found from (
    select from app.jobs
     where (%(status)s::app.job_status is null or status = %(status)s)
       and (%(job_type)s::text is null or job_type = %(job_type)s)
       and (%(since)s::timestamptz is null or created_at >= %(since)s)
     limit %(cap)s + 1) as capped;

-- name: job
select * from app.jobs where job_id = %(job_id)s;

-- name: callbacks_of_job
-- Host and port: path and query are between subscriber and receiver, who may know it by them.
select callback_id, run, substring(url from '^https://[^/?]+') as url, notify, form, state, status, happened_at, attempt,
       not_before, last_error, correlation_id, created_at, delivered_at, failed_at
  from app.callbacks where job_id = %(job_id)s order by callback_id limit %(limit)s;

-- name: has_job
select from app.jobs where job_id = %(job_id)s;

-- name: stages_of_jobs
select s.job_id, s.run, s.stage, s.status, s.last_event, s.task_type, s.task_types, s.expected, s.completed, s.failed,
       s.retries, s.ending, s.max_parallel_tasks, s.fail_fast, s.min_success_rate, s.max_attempts,
       s.opened_at, s.closing_at, s.closed_at, s.deadline, s.nudged_at, s.result_ref,
       case when not cut.result then s.result end as result,
       jsonb_strip_nulls(jsonb_build_object(
           'result', case when cut.result then pg_column_size(s.result) end)) as truncated
  from app.stages s
  cross join lateral (
      select coalesce(pg_column_size(s.result) > %(most)s or length(s.result::text) > %(most)s, false)
  ) as cut (result)
 where s.job_id = any(%(job_ids)s::char(64)[])
 order by s.job_id, s.run, s.stage
 limit %(limit)s;

-- name: task_counts
select run, stage, status, count(*) as tasks from app.tasks
 where job_id = %(job_id)s
 group by run, stage, status
 order by run, stage, status;

-- name: tasks_by_stage
-- All tasks of a stage were made with it, so the newest stages have the newest tasks. Few stages have tasks of
-- several types: those have an index of their own.
select t.task_id
  from (
      (select job_id, run, stage, opened_at from app.stages
        where task_types is null and (%(task_type)s::text is null or task_type = %(task_type)s)
        order by opened_at desc)
      union all
      (select job_id, run, stage, opened_at from app.stages
        where task_types is not null and (%(task_type)s::text is null or %(task_type)s = any(task_types))
        order by opened_at desc)
  ) s
  cross join lateral (
      select task_id, position from app.tasks
       where job_id = s.job_id and run = s.run and stage = s.stage
         and (%(status)s::app.task_status is null or status = %(status)s)
         and (%(task_type)s::text is null or task_type = %(task_type)s)
       order by position::bigint
       limit %(limit)s) t
 where (%(stage)s::integer is null or s.stage = %(stage)s)
   and (%(since)s::timestamptz is null or s.opened_at >= %(since)s)
 order by s.opened_at desc, s.job_id, s.run, s.stage, t.position
 limit %(limit)s;

-- name: count_tasks_by_stage
select count(*) as found from (
    select from (
         select job_id, run, stage, opened_at from app.stages
          where task_types is null and (%(task_type)s::text is null or task_type = %(task_type)s)
         union all
         select job_id, run, stage, opened_at from app.stages
          where task_types is not null and (%(task_type)s::text is null or %(task_type)s = any(task_types))
     ) s
     cross join lateral (
         select from app.tasks
          where job_id = s.job_id and run = s.run and stage = s.stage
            and (%(status)s::app.task_status is null or status = %(status)s)
            and (%(task_type)s::text is null or task_type = %(task_type)s)
          limit %(cap)s + 1) t
     where (%(stage)s::integer is null or s.stage = %(stage)s)
       and (%(since)s::timestamptz is null or s.opened_at >= %(since)s)
     limit %(cap)s + 1) as capped;

-- name: tasks_by_status
-- For every status but completed there is an index of what has it.
select task_id from app.tasks
 where status = %(status)s
   and (%(stage)s::integer is null or stage = %(stage)s)
   and (%(task_type)s::text is null or task_type = %(task_type)s)
   and (%(since)s::timestamptz is null or created_at >= %(since)s)
 order by created_at desc
 limit %(limit)s;

-- name: count_tasks_by_status
select count(*) as found from (
    select from app.tasks
     where status = %(status)s
       and (%(stage)s::integer is null or stage = %(stage)s)
       and (%(task_type)s::text is null or task_type = %(task_type)s)
       and (%(since)s::timestamptz is null or created_at >= %(since)s)
     limit %(cap)s + 1) as capped;

-- name: task_rows
-- In the order of their ids.
select t.task_id, t.job_id, t.run, t.stage, t.task_index, t.position, t.task_type, t.status, t.last_event,
       t.attempt, t.max_attempts, t.not_before, t.nudged_at, t.lease_expires_at, t.heartbeat_at, t.progress,
       t.processed_items, t.worker, t.created_at, t.started_at, t.finished_at, t.parameters_ref, t.result_ref,
       case when not cut.parameters then t.parameters end as parameters,
       case when not cut.result then t.result end as result,
       case when not cut.error then t.error end as error,
       jsonb_strip_nulls(jsonb_build_object(
           'parameters', case when cut.parameters then pg_column_size(t.parameters) end,
           'result', case when cut.result then pg_column_size(t.result) end,
           'error', case when cut.error then pg_column_size(t.error) end)) as truncated
  from unnest(%(task_ids)s::text[]) with ordinality as wanted (task_id, place)
  join app.tasks t on t.task_id = wanted.task_id
  cross join lateral (
      select coalesce(pg_column_size(t.parameters) > %(most)s or length(t.parameters::text) > %(most)s, false),
             coalesce(pg_column_size(t.result) > %(most)s or length(t.result::text) > %(most)s, false),
             coalesce(pg_column_size(t.error) > %(most)s or length(t.error::text) > %(most)s, false)
  ) as cut (parameters, result, error)
 order by wanted.place;

-- name: tasks_of_job
select t.task_id, t.job_id, t.run, t.stage, t.task_index, t.position, t.task_type, t.status, t.last_event,
       t.attempt, t.max_attempts, t.not_before, t.nudged_at, t.lease_expires_at, t.heartbeat_at, t.progress,
       t.processed_items, t.worker, t.created_at, t.started_at, t.finished_at, t.parameters_ref, t.result_ref,
       case when not cut.parameters then t.parameters end as parameters,
       case when not cut.result then t.result end as result,
       case when not cut.error then t.error end as error,
       jsonb_strip_nulls(jsonb_build_object(
           'parameters', case when cut.parameters then pg_column_size(t.parameters) end,
           'result', case when cut.result then pg_column_size(t.result) end,
           'error', case when cut.error then pg_column_size(t.error) end)) as truncated
  from app.tasks t
  cross join lateral (
      select coalesce(pg_column_size(t.parameters) > %(most)s or length(t.parameters::text) > %(most)s, false),
             coalesce(pg_column_size(t.result) > %(most)s or length(t.result::text) > %(most)s, false),
             coalesce(pg_column_size(t.error) > %(most)s or length(t.error::text) > %(most)s, false)
  ) as cut (parameters, result, error)
 where t.job_id = %(job_id)s
   and (t.run, t.stage, t.position::bigint) > (%(run)s, %(after_stage)s, %(position)s)
   and (%(status)s::app.task_status is null or t.status = %(status)s)
   and (%(stage)s::integer is null or t.stage = %(stage)s)
 order by t.run, t.stage, t.position::bigint
 limit %(limit)s;

-- name: outbox
select outbox_id, kind, job_id, run, stage, task_id, attempt, correlation_id, created_at, available_at,
       claimed_until
  from app.outbox order by outbox_id limit %(limit)s;

-- name: dead_letters
select * from app.dead_letters order by dead_letter_id desc limit %(limit)s;

-- name: events
select event_id, at, job_id, run, stage, task_id, attempt, entity, from_status, event, to_status, actor,
       case when length(details::text) <= %(most)s then details end as details
  from app.job_events order by event_id desc limit %(limit)s;

-- name: sweeps
select * from app.sweeps order by sweep_id desc limit %(limit)s;

-- name: enums
select t.typname as name, array_agg(e.enumlabel::text order by e.enumsortorder) as labels
  from pg_type t
  join pg_enum e on e.enumtypid = t.oid
  join pg_namespace n on n.oid = t.typnamespace and n.nspname = 'app'
 group by t.typname;

-- name: transitions
select entity, from_status, event, to_status from app.transitions;

-- name: server
select current_setting('server_version') as server_version,
       to_regclass('app.schema_migrations') is not null as has_schema;

-- name: schema_state
select (select max(version) from app.schema_migrations) as schema_version,
       last.finished_at as last_sweep, last.error as sweep_error,
       (select started_at from app.sweeps
         where finished_at is null and sweep_id > coalesce(last.sweep_id, 0)
         order by sweep_id limit 1) as unfinished_since
  from (values (true)) as always (there)
  left join lateral (
      select sweep_id, finished_at, error from app.sweeps
       where finished_at is not null order by sweep_id desc limit 1) last on true;
