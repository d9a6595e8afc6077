-- The slow way to claim a task, for those that share something: a limit of their job type on live leases, or a named
-- resource. Where there is no room the task waits a little, and no attempt is spent.
create or replace function app.claim_within_limits(
    p_task_id text, p_attempt integer, p_worker text, p_lease_token uuid
) returns setof app.task_claim
language plpgsql
set enable_seqscan = off as $$
declare
    v_wanted record;
    v_full boolean := false;
begin
    select j.job_type, j.max_parallel_tasks as places, t.resource into v_wanted
      from app.tasks t join app.jobs j using (job_id)
     where t.task_id = p_task_id and t.status::text = 'queued' and t.attempt = p_attempt - 1
       and t.not_before <= now() and (j.max_parallel_tasks is not null or t.resource is not null);
    if not found then
        return query select * from app.unclaimed(p_task_id, p_attempt);
        return;
    end if;
    if v_wanted.places is not null then
        perform pg_advisory_xact_lock(hashtextextended('limit:' || v_wanted.job_type, 0));
        v_full := v_wanted.places <= (
            select count(*) from app.tasks t join app.jobs j using (job_id)
             where t.status = 'processing' and t.lease_expires_at > now() and j.job_type = v_wanted.job_type);
    end if;
    if not v_full then
        begin
            return query select * from app.claim_task(p_task_id, p_attempt, p_worker, p_lease_token, true);
            return;
        exception when unique_violation then
            null; -- another task holds the resource
        end;
    end if;
    update app.tasks set not_before = now() + interval '1 second' * (1 + random())
     where task_id = p_task_id and status::text = 'queued' and attempt = p_attempt - 1;
    return query select * from app.unclaimed(p_task_id, p_attempt);
end $$;
