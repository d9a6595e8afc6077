-- The audit trail of a job. Read only, bounded, and by the index on (job_id, event_id).

-- name: state
select j.status not in ('queued', 'processing') and not exists (
           select from app.tasks t
            where t.job_id = j.job_id and t.status in ('pending', 'queued', 'processing')) as ended
  from app.jobs j
 where j.job_id = %(job_id)s;

-- name: events
-- Of details beyond %(most)s characters only the error's code and the beginning of its message are left. The job is
-- asked for as a range, so that its id is part of the order: the planner would rather walk the primary key, which has
-- that order too, and meet the events of every other job.
select event_id, at, run, stage, task_id, attempt, entity, from_status, event, to_status, actor, correlation_id,
       case when length(details::text) > %(most)s
            then jsonb_build_object('code', details -> 'code', 'message', left(details ->> 'message', 1000))
            else details end as details
  from app.job_events
 where (job_id, event_id) > (%(job_id)s, %(after)s) and job_id <= %(job_id)s
   and (%(run)s::integer is null or run = %(run)s)
   and (%(entity)s::text is null or entity = %(entity)s)
 order by job_id, event_id
 limit %(limit)s;
