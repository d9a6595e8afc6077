-- Inserts a job unless it exists. A new one comes with the message that has its first stage planned.
create or replace function app.submit_job(
    p_job_id char(64), p_job_type text, p_parameters jsonb, p_total_stages integer,
    p_correlation_id text, p_traceparent text, p_submitted_by text,
    p_priority smallint, p_max_parallel_tasks integer, p_timeout interval
) returns table (created boolean, job jsonb, outbox jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
begin
    insert into app.jobs
        (job_id, job_type, parameters, total_stages, correlation_id, traceparent, submitted_by,
         priority, max_parallel_tasks, timeout, deadline)
    values
        (p_job_id, p_job_type, p_parameters, p_total_stages, p_correlation_id, p_traceparent, p_submitted_by,
         p_priority, p_max_parallel_tasks, p_timeout, now() + p_timeout)
    on conflict (job_id) do nothing
    returning * into v_job;
    if found then
        insert into app.job_events (job_id, run, entity, event, to_status, correlation_id, actor)
        values (p_job_id, 1, 'job', 'submitted', 'queued', p_correlation_id,
                coalesce('user:' || p_submitted_by, app.current_actor()));
        return query select true, to_jsonb(v_job), jsonb_build_array(app.enqueue_job(p_job_id, 1, 1));
    else
        return query select false, to_jsonb(j), '[]'::jsonb from app.jobs j where j.job_id = p_job_id;
    end if;
end $$;
