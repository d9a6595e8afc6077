-- Puts the tasks of a reopened stage back to where they start: those that did not complete, or all. What still
-- runs is left alone, and takes its places of the stage's window. Attempts count on, so that no message of before
-- fits; each task gets the policy's attempts anew.
create or replace function app.requeue_tasks(p_job_id char(64), p_run integer, p_stage integer, p_all boolean)
returns void
language plpgsql
set enable_seqscan = off as $$
declare
    v_stage app.stages;
    v_running integer;
begin
    select * into v_stage from app.stages where job_id = p_job_id and run = p_run and stage = p_stage;
    select count(*) into v_running from app.tasks
     where job_id = p_job_id and run = p_run and stage = p_stage and status in ('queued', 'processing');

    with again as (
        select task_id, row_number() over (order by position) as place from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage
           and (status in ('failed', 'skipped', 'cancelled') or p_all and status = 'completed')
    ), requeued as (
        update app.tasks t
           set status = case when again.place <= v_stage.max_parallel_tasks - v_running then 'queued'
                             else 'pending' end::app.task_status,
               last_event = 'stage_retried', result = null, result_ref = null, error = null,
               started_at = null, finished_at = null, progress = null, processed_items = null,
               correlation_id = v_stage.correlation_id,
               max_attempts = t.attempt + v_stage.max_attempts, not_before = now(), nudged_at = null
          from again where t.task_id = again.task_id
        returning t.task_id, t.attempt, t.position, t.status
    )
    insert into app.outbox
        (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority)
    select 'task', p_job_id, p_run, p_stage, r.task_id, r.attempt + 1,
           j.correlation_id, j.traceparent, j.priority
      from requeued r, app.jobs j
     where j.job_id = p_job_id and r.status = 'queued'
     order by r.position;
end $$;
