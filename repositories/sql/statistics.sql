-- Numbers about the whole system. Counts look at the newest %(sample)s rows, so that they cost the same
-- however large a table grows; what is unfinished is counted through partial indexes, up to the same number.

-- name: jobs_by_type
with newest as (
    select job_type, status from app.jobs order by created_at desc, job_id limit %(sample)s
)
select job_type, status, count(*) as jobs from newest group by job_type, status order by job_type, status;

-- name: tasks_by_type
with newest as (
    select t.task_type, t.status
      from app.stages s
      cross join lateral (
          select task_type, status from app.tasks
           where job_id = s.job_id and run = s.run and stage = s.stage limit %(sample)s) t
     order by s.opened_at desc limit %(sample)s
)
select task_type, status, count(*) as tasks from newest group by task_type, status order by task_type, status;

-- name: job_speed
with newest as (
    select started_at, finished_at from app.jobs order by created_at desc, job_id limit %(sample)s
)
select count(*) as finished,
       extract(epoch from avg(finished_at - started_at))::double precision as mean_seconds,
       extract(epoch from percentile_cont(0.5) within group (order by finished_at - started_at))
           ::double precision as p50_seconds,
       extract(epoch from percentile_cont(0.95) within group (order by finished_at - started_at))
           ::double precision as p95_seconds
  from newest where finished_at > now() - %(window)s::interval;

-- name: task_speed
with newest as (
    select t.started_at, t.finished_at
      from app.stages s
      cross join lateral (
          select started_at, finished_at from app.tasks
           where job_id = s.job_id and run = s.run and stage = s.stage limit %(sample)s) t
     order by s.opened_at desc limit %(sample)s
)
select count(*) as finished,
       extract(epoch from avg(finished_at - started_at))::double precision as mean_seconds,
       extract(epoch from percentile_cont(0.5) within group (order by finished_at - started_at))
           ::double precision as p50_seconds,
       extract(epoch from percentile_cont(0.95) within group (order by finished_at - started_at))
           ::double precision as p95_seconds
  from newest where finished_at > now() - %(window)s::interval;

-- name: unfinished
select (select count(*) from (
            select from app.jobs where status in ('queued', 'processing') limit %(sample)s) as j) as jobs,
       (select count(*) from (
            select from app.stages where status in ('open', 'closing') limit %(sample)s) as s) as stages,
       (select count(*) from (
            select from app.tasks where status in ('pending', 'queued', 'processing') limit %(sample)s) as t
       ) as tasks,
       (select count(*) from (select from app.outbox limit %(sample)s) as o) as outbox,
       (select extract(epoch from now() - created_at)::double precision from app.outbox
         order by outbox_id limit 1) as oldest_outbox_age_seconds,
       (select extract(epoch from now() - not_before)::double precision from app.tasks
         where status = 'queued' and not_before <= now()
         order by not_before limit 1) as oldest_queued_task_age_seconds;

-- name: tables
select s.relname as table, greatest(c.reltuples, 0)::bigint as estimated_rows, s.n_dead_tup as dead_rows,
       pg_relation_size(s.relid) as heap_bytes, pg_indexes_size(s.relid) as index_bytes,
       pg_total_relation_size(s.relid) as total_bytes,
       greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at,
       greatest(s.last_analyze, s.last_autoanalyze) as analyzed_at
  from pg_stat_user_tables s
  join pg_class c on c.oid = s.relid
 where s.schemaname = 'app'
 order by s.relname;

-- name: indexes
select relname as table, indexrelname as index, pg_relation_size(indexrelid) as bytes, idx_scan as scans
  from pg_stat_user_indexes
 where schemaname = 'app'
 order by relname, indexrelname;

-- name: connections
select count(*) as total, count(*) filter (where state = 'active') as active,
       count(*) filter (where state = 'idle') as idle,
       count(*) filter (where state like 'idle in transaction%%') as idle_in_transaction,
       count(*) filter (where wait_event_type = 'Lock') as waiting_for_locks,
       current_setting('max_connections')::integer as max_connections
  from pg_stat_activity
 where datname = current_database() and backend_type = 'client backend';
