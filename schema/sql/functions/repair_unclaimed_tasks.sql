-- Sends the message of a queued task again that nobody claimed for p_age, then after twice as long each time, as most
-- of them only wait for a worker; but at least once in twelve times p_age, as that message may be lost too.
create or replace function app.repair_unclaimed_tasks(p_limit integer, p_age interval) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_repairs integer;
begin
    with late as (
        select t.task_id from app.tasks t
         where t.status = 'queued' and t.not_before < now() - p_age
           and (t.nudged_at is null or t.nudged_at < now()
                - least(p_age * 12, greatest(p_age, t.nudged_at - t.not_before)))
           and not exists (
               select from app.outbox o
                where o.job_id = t.job_id and o.run = t.run and o.stage = t.stage and o.task_id = t.task_id)
         order by t.not_before limit p_limit
           for update skip locked
    ), nudged as (
        update app.tasks t set nudged_at = now() from late where t.task_id = late.task_id
        returning t.task_id, t.job_id, t.run, t.stage, t.attempt
    )
    insert into app.outbox (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority)
    select 'task', n.job_id, n.run, n.stage, n.task_id, n.attempt + 1, j.correlation_id, j.traceparent, j.priority
      from nudged n join app.jobs j using (job_id);
    get diagnostics v_repairs = row_count;
    return v_repairs;
end $$;
