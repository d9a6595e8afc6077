-- Why a task could not be claimed; mends what the message would otherwise leave behind.
create or replace function app.unclaimed_outcome(p_task_id text, p_attempt integer) returns text
language plpgsql
set enable_seqscan = off as $$
declare
    v_task app.tasks;
begin
    select * into v_task from app.tasks where task_id = p_task_id for update;
    if not found then
        return 'unknown';
    elsif v_task.status not in ('pending', 'queued', 'processing') then
        return 'final';
    elsif v_task.status <> 'queued' or v_task.attempt <> p_attempt - 1 then
        return 'stale';
    end if;
    perform from app.stages s join app.jobs j using (job_id)
      where s.job_id = v_task.job_id and s.run = v_task.run and s.stage = v_task.stage
        and s.status = 'open' and not s.ending and j.run = s.run and j.status = 'processing';
    if not found then
        update app.tasks set status = 'skipped', last_event = 'skipped', finished_at = clock_timestamp()
         where task_id = p_task_id;
        return 'skipped';
    end if;
    -- Early by the clocks' difference, or claimable only now: either way a later message must come.
    perform app.enqueue_task(p_task_id);
    update app.outbox set claimed_until = null where job_id = v_task.job_id and task_id = p_task_id;
    return 'not_due';
end $$;
