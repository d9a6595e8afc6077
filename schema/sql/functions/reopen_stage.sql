-- Runs a closing stage again: the tasks that did not complete, or all of them where all did. Attempts count
-- on, so that no message of before fits; each task gets the policy's attempts anew. Without tasks it closes at once.
create or replace function app.reopen_stage(p_job_id char(64), p_run integer, p_stage integer) returns boolean
language plpgsql
set enable_seqscan = off as $$
declare
    v_stage app.stages;
    v_all boolean;
begin
    perform pg_advisory_xact_lock(hashtextextended(p_job_id || ':' || p_run || ':' || p_stage, 0));
    update app.stages
       set status = 'open', last_event = 'retried', ending = false, retries = retries + 1,
           closing_at = null, nudged_at = null
     where job_id = p_job_id and run = p_run and stage = p_stage and status = 'closing'
    returning * into v_stage;
    if not found then
        return false;
    end if;
    v_all := not exists (
        select from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage and status <> 'completed');

    with again as (
        select task_id, row_number() over (order by position) as place from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage and (v_all or status <> 'completed')
    )
    update app.tasks t
       set status = case when again.place <= v_stage.max_parallel_tasks then 'queued'
                         else 'pending' end::app.task_status,
           last_event = 'stage_retried', result = null, result_ref = null, error = null,
           started_at = null, finished_at = null, progress = null, processed_items = null,
           max_attempts = t.attempt + v_stage.max_attempts, not_before = now(), nudged_at = null
      from again where t.task_id = again.task_id;

    insert into app.outbox (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent)
    select 'task', p_job_id, p_run, p_stage, t.task_id, t.attempt + 1, j.correlation_id, j.traceparent
      from app.tasks t join app.jobs j using (job_id)
     where t.job_id = p_job_id and t.run = p_run and t.stage = p_stage and t.status = 'queued'
     order by t.position;
    if v_stage.expected = 0 then
        perform app.close_stage(p_job_id, p_run, p_stage);
        update app.outbox set claimed_until = null
         where job_id = p_job_id and run = p_run and stage = p_stage;
    end if;
    return true;
end $$;
