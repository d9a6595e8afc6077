-- Makes a closing stage final, with its result; false where it was not closing, or was opened again since the caller
-- looked at it.
create or replace function app.settle_stage(
    p_job_id char(64), p_run integer, p_stage integer, p_round integer, p_status app.stage_status,
    p_completed integer, p_failed integer, p_result jsonb, p_result_ref text
) returns boolean
language plpgsql as $$
begin
    -- Whoever needs both rows takes the job's first: cancel and settle must not wait for each other.
    perform from app.jobs where job_id = p_job_id for update;
    update app.stages
       set status = p_status, last_event = 'settled', completed = p_completed, failed = p_failed,
           result = p_result, result_ref = p_result_ref, closed_at = now()
     where job_id = p_job_id and run = p_run and stage = p_stage and round = p_round
       and status = 'closing';
    return found;
end $$;
