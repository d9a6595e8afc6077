-- Runs a closing stage again: the tasks that did not complete, or all of them where all did. False where it was not
-- closing, or was opened again since the caller looked at it.
create or replace function app.reopen_stage(
    p_job_id char(64), p_run integer, p_stage integer, p_round integer
) returns boolean
language plpgsql
set enable_seqscan = off as $$
begin
    perform from app.jobs where job_id = p_job_id for update;
    perform pg_advisory_xact_lock(hashtextextended(p_job_id || ':' || p_run || ':' || p_stage, 0));
    update app.stages
       set status = 'open', last_event = 'retried', ending = false, retries = retries + 1,
           round = round + 1, closing_at = null, nudged_at = null, deadline = now() + timeout
     where job_id = p_job_id and run = p_run and stage = p_stage and round = p_round
       and status = 'closing';
    if not found then
        return false;
    end if;
    perform app.requeue_tasks(p_job_id, p_run, p_stage, not exists (
        select from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage and status <> 'completed'));
    -- A stage of no tasks closes again at once; its message is left to the relay.
    perform app.close_stage(p_job_id, p_run, p_stage);
    update app.outbox set claimed_until = null
     where job_id = p_job_id and run = p_run and stage = p_stage and kind = 'job';
    return true;
end $$;
