-- Gives a queued task to a worker for the length of its stage's lease. The quick way serves tasks that share nothing;
-- with p_within_limits the caller has seen to the limits.
create or replace function app.claim_task(
    p_task_id text, p_attempt integer, p_worker text, p_lease_token uuid, p_within_limits boolean default false
) returns setof app.task_claim
language plpgsql
set enable_seqscan = off as $$
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
       and (p_within_limits or t.resource is null and j.max_parallel_tasks is null)
    returning 'claimed', t.task_id, t.job_id, t.run, t.stage, t.task_index, t.task_type,
              t.parameters, t.parameters_ref, t.attempt, t.max_attempts, t.lease_token,
              extract(epoch from s.lease)::double precision,
              extract(epoch from s.task_timeout)::double precision;
    if found then
        return;
    elsif p_within_limits then
        return query select * from app.unclaimed(p_task_id, p_attempt);
    else
        return query select * from app.claim_within_limits(p_task_id, p_attempt, p_worker, p_lease_token);
    end if;
end $$;
