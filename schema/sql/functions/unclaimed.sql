-- Why a task could not be claimed; mends what the message would otherwise leave behind: a task that may not start any
-- more is skipped, one that may not start yet gets a later message.
create or replace function app.unclaimed(p_task_id text, p_attempt integer) returns app.task_claim
language plpgsql
set enable_seqscan = off as $$
declare
    v_task app.tasks;
    v_claim app.task_claim;
begin
    select * into v_task from app.tasks where task_id = p_task_id for update;
    v_claim.task_id := p_task_id;
    if not found then
        v_claim.outcome := 'unknown';
        return v_claim;
    end if;
    v_claim.job_id := v_task.job_id;
    v_claim.run := v_task.run;
    v_claim.stage := v_task.stage;
    if v_task.status not in ('pending', 'queued', 'processing') then
        v_claim.outcome := 'final';
    elsif v_task.status <> 'queued' or v_task.attempt <> p_attempt - 1 then
        v_claim.outcome := 'stale';
    elsif app.may_start(v_task.job_id, v_task.run, v_task.stage) then
        -- Early by the clocks' difference, or claimable only now: either way a later message must come.
        perform app.enqueue_task(p_task_id);
        update app.outbox set claimed_until = null where job_id = v_task.job_id and task_id = p_task_id;
        v_claim.outcome := 'not_due';
    else
        update app.tasks set status = 'skipped', last_event = 'skipped', finished_at = clock_timestamp()
         where task_id = p_task_id;
        v_claim.outcome := 'skipped';
    end if;
    return v_claim;
end $$;
