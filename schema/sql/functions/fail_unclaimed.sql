-- Ends a task, whatever it waits for, that its messages cannot get done: final, by the policy of its stage. For a task
-- that runs, its worker loses the lease. Outcome as of fail_attempt, no row where it was final already.
create or replace function app.fail_unclaimed(p_task_id text, p_error jsonb)
returns table (outcome text, job_id char(64), run integer, stage integer, outbox jsonb)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
    v_stage app.stages;
    v_task app.tasks;
begin
    -- The stage first: when many tasks fail at once, none may hold its own row and wait for another's.
    select s.* into v_stage from app.stages s join app.tasks t using (job_id, run, stage)
     where t.task_id = p_task_id
       for update of s;
    select t.* into v_task from app.tasks t
     where t.task_id = p_task_id and t.status::text in ('pending', 'queued', 'processing')
       for update;
    if not found then
        return;
    end if;
    update app.tasks t
       set status = 'failed', last_event = 'failed', error = p_error, lease_token = null,
           lease_expires_at = null, finished_at = clock_timestamp()
     where t.task_id = p_task_id;
    if v_stage.fail_fast then
        perform app.end_stage_early(v_task.job_id, v_task.run, v_task.stage);
    end if;
    -- One that was held back leaves no place for another.
    return query
    select 'failed', v_task.job_id, v_task.run, v_task.stage,
           case when v_stage.fail_fast or v_task.status = 'pending' then '[]'::jsonb
                else app.release_next(v_task.job_id, v_task.run, v_task.stage, v_task.position) end;
end $$;
