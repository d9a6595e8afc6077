-- Opens a stage whole: its row, all its tasks, and the messages of those that may start. False where the
-- stage is there already or the run is not active. A stage without tasks starts out closing. Tasks of a job of low
-- priority get a quarter of the stage's window. p_task_types has the type of each task; null: all are of p_task_type.
create or replace function app.open_stage(
    p_job_id char(64), p_run integer, p_stage integer, p_task_type text,
    p_task_ids text[], p_indexes text[], p_parameters text[], p_parameters_refs text[], p_resources text[],
    p_max_parallel_tasks integer, p_fail_fast boolean, p_min_success_rate double precision,
    p_max_attempts integer, p_retry_base interval, p_retry_factor double precision,
    p_retry_cap interval, p_retry_jitter double precision,
    p_lease interval, p_task_timeout interval, p_stage_timeout interval,
    p_task_types text[] default null
) returns boolean
language plpgsql as $$
declare
    v_expected integer := cardinality(p_task_ids);
    v_priority smallint;
    v_window integer;
    v_correlation_id text;
    v_types text[];
begin
    update app.jobs
       set status = 'processing', last_event = 'started', stage = p_stage,
           started_at = coalesce(started_at, now()), updated_at = now()
     where job_id = p_job_id and run = p_run and status in ('queued', 'processing') and stage <= p_stage
    returning priority, correlation_id into v_priority, v_correlation_id;
    if not found then
        return false;
    end if;

    v_window := case v_priority when 2 then greatest(1, p_max_parallel_tasks / 4) else p_max_parallel_tasks end;
    select nullif(array_agg(distinct coalesce(t.type, p_task_type)), array[p_task_type]) into v_types
      from unnest(p_task_types) as t (type);
    insert into app.stages
        (job_id, run, stage, status, task_type, task_types, correlation_id, expected, max_parallel_tasks, fail_fast, min_success_rate,
         max_attempts, retry_base, retry_factor, retry_cap, retry_jitter, lease, task_timeout,
         timeout, deadline, closing_at)
    values
        (p_job_id, p_run, p_stage, case when v_expected = 0 then 'closing' else 'open' end::app.stage_status,
         p_task_type, v_types, v_correlation_id, v_expected, v_window, p_fail_fast, p_min_success_rate,
         p_max_attempts, p_retry_base, p_retry_factor, p_retry_cap, p_retry_jitter, p_lease, p_task_timeout,
         p_stage_timeout, now() + p_stage_timeout, case when v_expected = 0 then now() end)
    on conflict do nothing;
    if not found then
        return false;
    end if;
    insert into app.job_events (job_id, run, stage, entity, event, to_status, correlation_id, details)
    values (p_job_id, p_run, p_stage, 'stage', 'opened',
            case when v_expected = 0 then 'closing' else 'open' end, v_correlation_id,
            jsonb_strip_nulls(jsonb_build_object(
                'task_type', p_task_type, 'task_types', v_types, 'expected', v_expected)));

    insert into app.tasks
        (task_id, job_id, run, stage, task_index, position, task_type, correlation_id, status, parameters,
         parameters_ref, resource, max_attempts)
    select t.task_id, p_job_id, p_run, p_stage, t.task_index, t.ord - 1, coalesce(t.task_type, p_task_type), v_correlation_id,
           case when t.ord <= v_window then 'queued' else 'pending' end::app.task_status,
           t.parameters::jsonb, t.parameters_ref, t.resource, p_max_attempts
      from unnest(p_task_ids, p_indexes, p_parameters, p_parameters_refs, p_resources, p_task_types)
           with ordinality as t (task_id, task_index, parameters, parameters_ref, resource, task_type, ord);

    insert into app.outbox (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority)
    select 'task', p_job_id, p_run, p_stage, t.task_id, 1, j.correlation_id, j.traceparent, j.priority
      from app.jobs j,
           unnest(p_task_ids[:v_window]) with ordinality as t (task_id, ord)
     where j.job_id = p_job_id
     order by t.ord;
    if v_expected = 0 then
        perform app.enqueue_job(p_job_id, p_run, p_stage);
        update app.outbox set claimed_until = null
         where job_id = p_job_id and run = p_run and stage = p_stage;
    end if;
    return true;
end $$;
