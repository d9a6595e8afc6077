-- Ends a run that is still active; with p_unopened only where it has no stage under way. False where it was not.
create or replace function app.finish_job(
    p_job_id char(64), p_run integer, p_status app.job_status, p_result jsonb, p_result_ref text, p_error jsonb,
    p_unopened boolean default false
) returns boolean
language plpgsql as $$
begin
    update app.jobs
       set status = p_status,
           last_event = case p_status when 'completed_with_errors' then 'completed' else p_status::text end,
           result = p_result, result_ref = p_result_ref, error = p_error,
           finished_at = now(), updated_at = now()
     where job_id = p_job_id and run = p_run and status in ('queued', 'processing')
       and (not p_unopened or status = 'queued');
    return found;
end $$;
