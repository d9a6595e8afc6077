-- Ends tasks that still wait in a run that is over: they would never be claimed.
create or replace function app.repair_ended_runs(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_repairs integer;
begin
    with left_behind as (
        select t.task_id from app.tasks t join app.jobs j using (job_id)
         where t.status in ('pending', 'queued')
           and (j.run <> t.run or j.status not in ('queued', 'processing'))
         limit p_limit
           for update of t skip locked
    )
    update app.tasks t
       set status = 'cancelled', last_event = 'cancelled', finished_at = clock_timestamp()
      from left_behind where t.task_id = left_behind.task_id;
    get diagnostics v_repairs = row_count;
    return v_repairs;
end $$;
