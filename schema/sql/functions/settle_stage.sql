-- Makes a closing stage final, with its result; false where it was not closing.
create or replace function app.settle_stage(
    p_job_id char(64), p_run integer, p_stage integer, p_status app.stage_status,
    p_completed integer, p_failed integer, p_result jsonb
) returns boolean
language plpgsql as $$
begin
    update app.stages
       set status = p_status, last_event = 'settled', completed = p_completed, failed = p_failed,
           result = p_result, closed_at = now()
     where job_id = p_job_id and run = p_run and stage = p_stage and status = 'closing';
    return found;
end $$;
