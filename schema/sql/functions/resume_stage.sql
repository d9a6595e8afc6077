-- Takes a stopped stage up again. True where tasks of it have something to do; where all that was wanted is done
-- already it is 'closing' again, and false says that its job must be woken to decide anew.
create or replace function app.resume_stage(p_job_id char(64), p_run integer, p_stage integer) returns boolean
language plpgsql
set enable_seqscan = off as $$
declare
    v_unfinished boolean;
begin
    perform from app.stages where job_id = p_job_id and run = p_run and stage = p_stage for update;
    if not found then
        return false;
    end if;
    select coalesce(bool_or(status <> 'completed'), false) into v_unfinished
      from app.tasks where job_id = p_job_id and run = p_run and stage = p_stage;
    update app.stages
       set status = case when v_unfinished then 'open' else 'closing' end::app.stage_status,
           last_event = 'retried', ending = false, retries = 0, round = round + 1, result = null, result_ref = null,
           completed = 0, failed = 0, closed_at = null, nudged_at = null,
           closing_at = case when v_unfinished then null else now() end,
           resumed_at = now(), deadline = now() + timeout,
           correlation_id = (select j.correlation_id from app.jobs j where j.job_id = p_job_id)
     where job_id = p_job_id and run = p_run and stage = p_stage;
    if v_unfinished then
        perform app.requeue_tasks(p_job_id, p_run, p_stage, false);
    end if;
    return v_unfinished;
end $$;
