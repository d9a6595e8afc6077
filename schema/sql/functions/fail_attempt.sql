-- Ends an attempt badly, by its lease token only: another attempt where the policy has one left, else the
-- task's final state. No row where the lease is lost. The stage's early end belongs to the same transaction:
-- a process that died between the two would leave held-back tasks that nobody releases. A deferred attempt does not
-- count, nor does one that stopped for a cancellation which a retry of its job has taken back; p_delay is the least
-- that the next one waits.
create or replace function app.fail_attempt(
    p_task_id text, p_lease_token uuid, p_error jsonb, p_error_class text, p_delay interval
) returns table (outcome text, job_id char(64), run integer, stage integer, outbox jsonb)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
    v_task app.tasks;
    v_stage app.stages;
    v_class text := p_error_class;
    v_attempts integer;
begin
    select t.* into v_task from app.tasks t
     where t.task_id = p_task_id and t.lease_token = p_lease_token and t.status::text = 'processing'
       for update;
    if not found then
        return;
    end if;
    select s.* into v_stage from app.stages s
     where s.job_id = v_task.job_id and s.run = v_task.run and s.stage = v_task.stage;

    if v_class = 'cancelled' and v_task.started_at < v_stage.resumed_at then
        v_class := 'deferred';
    end if;
    v_attempts := case v_class
        when 'permanent' then 0
        when 'cancelled' then 0
        when 'deferred' then v_task.max_attempts + 1
        when 'unknown' then least(v_task.max_attempts, v_task.max_attempts - v_stage.max_attempts + 2)
        else v_task.max_attempts
    end;
    if v_task.attempt < v_attempts and v_stage.status = 'open' and not v_stage.ending then
        update app.tasks t
           set status = 'queued', error = p_error, lease_token = null, lease_expires_at = null,
               last_event = case v_class when 'lost' then 'lease_expired' else 'attempt_failed' end,
               max_attempts = t.max_attempts + (v_class = 'deferred')::integer,
               not_before = now() + greatest(p_delay, case when v_class <> 'deferred' or p_delay is null then
                   app.retry_delay(
                       v_stage, v_task.attempt - (v_task.max_attempts - v_stage.max_attempts),
                       v_class = 'throttled') end)
         where t.task_id = p_task_id;
        return query
        select 'retrying', v_task.job_id, v_task.run, v_task.stage,
               jsonb_build_array(app.enqueue_task(p_task_id));
        return;
    end if;

    update app.tasks t
       set status = case v_class when 'cancelled' then 'cancelled' else 'failed' end::app.task_status,
           last_event = case v_class when 'cancelled' then 'cancelled' else 'failed' end,
           error = p_error, lease_token = null, lease_expires_at = null, finished_at = clock_timestamp()
     where t.task_id = p_task_id;
    if v_stage.fail_fast then
        perform app.end_stage_early(v_task.job_id, v_task.run, v_task.stage);
    end if;
    return query
    select case v_class when 'cancelled' then 'cancelled' else 'failed' end,
           v_task.job_id, v_task.run, v_task.stage,
           case when v_stage.fail_fast then '[]'::jsonb
                else app.release_next(v_task.job_id, v_task.run, v_task.stage, v_task.position) end;
end $$;
