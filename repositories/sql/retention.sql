-- Removal of what is past its time.

-- name: expired_jobs
with expired as (
    select j.job_id, j.finished_at,
           coalesce((select sum(s.expected) from app.stages s where s.job_id = j.job_id), 0) as tasks
      from app.jobs j
     where j.finished_at < now() - %(age)s and j.status not in ('queued', 'processing')
     order by j.finished_at, j.job_id limit %(limit)s
), summed as (
    select job_id, finished_at, tasks,
           sum(tasks) over (order by finished_at, job_id) as tasks_so_far,
           row_number() over (order by finished_at, job_id) as place
      from expired
)
select job_id from summed
 where %(max_tasks)s::bigint is null or tasks_so_far <= %(max_tasks)s or place = 1
 order by finished_at, job_id;

-- name: count_expired
with expired as (
    select job_id from app.jobs
     where finished_at < now() - %(age)s and status not in ('queued', 'processing')
     order by finished_at limit %(limit)s
)
select count(*) as jobs,
       (select count(*) from app.job_events e where e.job_id in (select job_id from expired)) as events
  from expired;

-- name: remove_jobs
with removed as (
    delete from app.jobs where job_id = any(%(job_ids)s) and status not in ('queued', 'processing')
    returning job_id
), events as (
    delete from app.job_events e using removed r where e.job_id = r.job_id returning 1
), letters as (
    delete from app.dead_letters d using removed r where d.job_id = r.job_id returning 1
), messages as (
    delete from app.outbox o using removed r where o.job_id = r.job_id returning 1
)
select (select count(*) from removed) as jobs, (select count(*) from events) as events;

-- name: count_records
select (select count(*) from app.dead_letters where last_seen_at < now() - %(age)s) as dead_letters,
       (select count(*) from app.sweeps where started_at < now() - %(age)s) as sweeps;

-- name: remove_records
with letters as (
    delete from app.dead_letters where dead_letter_id in (
        select dead_letter_id from app.dead_letters where last_seen_at < now() - %(age)s limit %(limit)s)
    returning 1
), passes as (
    delete from app.sweeps where sweep_id in (
        select sweep_id from app.sweeps where started_at < now() - %(age)s limit %(limit)s)
    returning 1
)
select (select count(*) from letters) as dead_letters, (select count(*) from passes) as sweeps;
