-- Ends an attempt well, by its lease token only; no row where the lease is lost. The status is compared as text
-- so that only the primary key fits: a partial index on the status is full of dead entries here.
create or replace function app.complete_attempt(
    p_task_id text, p_lease_token uuid, p_result jsonb, p_result_ref text, p_processed_items bigint
) returns table (outcome text, job_id char(64), run integer, stage integer, outbox jsonb)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
    v_task record;
begin
    update app.tasks
       set status = 'completed', last_event = 'completed', result = p_result, result_ref = p_result_ref, error = null,
           processed_items = p_processed_items, progress = 1, finished_at = clock_timestamp(),
           lease_token = null, lease_expires_at = null
     where task_id = p_task_id and lease_token = p_lease_token and status::text = 'processing'
    returning tasks.job_id, tasks.run, tasks.stage, tasks.position into v_task;
    if found then
        return query
        select 'completed', v_task.job_id, v_task.run, v_task.stage,
               app.release_next(v_task.job_id, v_task.run, v_task.stage, v_task.position);
    end if;
end $$;
