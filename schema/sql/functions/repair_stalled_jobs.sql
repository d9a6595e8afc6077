-- Wakes the orchestrator again for jobs with neither an open stage nor a message on its way.
create or replace function app.repair_stalled_jobs(p_limit integer, p_age interval) returns integer
language plpgsql as $$
declare
    v_repairs integer;
begin
    with stalled as (
        select j.job_id from app.jobs j
         where j.status in ('queued', 'processing') and j.updated_at < now() - p_age
           and (j.nudged_at is null or j.nudged_at < now() - p_age)
           and not exists (
               select from app.stages s
                where s.job_id = j.job_id and s.run = j.run
                  and (s.status = 'open' or s.status = 'closing' and s.closing_at > now() - p_age))
           and not exists (select from app.outbox o where o.job_id = j.job_id and o.kind = 'job')
         order by j.updated_at limit p_limit
           for update skip locked
    ), nudged as (
        update app.jobs j set nudged_at = now() from stalled where j.job_id = stalled.job_id
        returning j.job_id, j.run, j.stage, j.correlation_id, j.traceparent, j.priority
    )
    insert into app.outbox (kind, job_id, run, stage, correlation_id, traceparent, priority)
    select 'job', job_id, run, stage, correlation_id, traceparent, priority from nudged;
    get diagnostics v_repairs = row_count;
    return v_repairs;
end $$;
