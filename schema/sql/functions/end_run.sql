-- Ends an active run before its time, failed or cancelled: its stage with it, and whatever has not started. What
-- runs learns of it by its heartbeat; a task that somebody else is about to change is left to the sweep. False where
-- the run was over.
create or replace function app.end_run(
    p_job_id char(64), p_run integer, p_status app.job_status, p_error jsonb
) returns boolean
language plpgsql
set enable_seqscan = off as $$
begin
    if not app.finish_job(p_job_id, p_run, p_status, null, null, p_error) then
        return false;
    end if;
    update app.stages
       set status = p_status::text::app.stage_status, last_event = p_status::text,
           ending = true, closed_at = now()
     where job_id = p_job_id and run = p_run and status in ('open', 'closing');
    with waiting as (
        select task_id from app.tasks
         where job_id = p_job_id and run = p_run and status in ('pending', 'queued')
         order by stage, position
           for update skip locked
    )
    update app.tasks t
       set status = case p_status when 'cancelled' then 'cancelled' else 'skipped' end::app.task_status,
           last_event = case p_status when 'cancelled' then 'cancelled' else 'skipped' end,
           finished_at = clock_timestamp()
      from waiting where t.task_id = waiting.task_id;
    return true;
end $$;
