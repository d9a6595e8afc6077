-- Gives a queued task to a worker for the length of its stage's lease. One row: the outcome, and the task
-- where it is 'claimed'. A task whose stage is ending is skipped here, as nobody else will see it again.
create or replace function app.claim_task(p_task_id text, p_attempt integer, p_worker text, p_lease_token uuid)
returns table (
    outcome text, task_id text, job_id char(64), run integer, stage integer, task_index text, task_type text,
    parameters jsonb, attempt integer, max_attempts integer, lease_token uuid,
    lease_seconds double precision, timeout_seconds double precision
)
language plpgsql
set enable_seqscan = off as $$
#variable_conflict use_column
begin
    return query
    update app.tasks t
       set status = 'processing', last_event = 'claimed', attempt = p_attempt, lease_token = p_lease_token,
           lease_expires_at = now() + s.lease, heartbeat_at = now(), started_at = clock_timestamp(),
           worker = p_worker, progress = null
      from app.stages s, app.jobs j
     where t.task_id = p_task_id and t.attempt = p_attempt - 1 and t.status::text = 'queued'
       and t.not_before <= now()
       and s.job_id = t.job_id and s.run = t.run and s.stage = t.stage
       and s.status = 'open' and not s.ending
       and j.job_id = t.job_id and j.run = t.run and j.status = 'processing'
    returning 'claimed', t.task_id, t.job_id, t.run, t.stage, t.task_index, t.task_type, t.parameters,
              t.attempt, t.max_attempts, t.lease_token,
              extract(epoch from s.lease)::double precision,
              extract(epoch from s.task_timeout)::double precision;
    if not found then
        return query
        select app.unclaimed_outcome(p_task_id, p_attempt), p_task_id, t.job_id, t.run, t.stage,
               null::text, null::text, null::jsonb, null::integer, null::integer, null::uuid,
               null::double precision, null::double precision
          from (values (true)) as always
          left join app.tasks t on t.task_id = p_task_id;
    end if;
end $$;
