-- Fails the runs whose own deadline has passed, or that of their stage.
create or replace function app.repair_deadlines(p_limit integer) returns integer
language plpgsql as $$
declare
    v_late record;
    v_repairs integer := 0;
begin
    for v_late in
        select j.job_id, j.run, j.stage, j.deadline <= now() as whole_job
          from app.jobs j
          left join app.stages s
            on s.job_id = j.job_id and s.run = j.run and s.stage = j.stage and s.status in ('open', 'closing')
         where j.status in ('queued', 'processing') and (j.deadline <= now() or s.deadline <= now())
         order by j.job_id limit p_limit
           for update of j skip locked
    loop
        if app.end_run(v_late.job_id, v_late.run, 'failed', jsonb_build_object(
            'code', case when v_late.whole_job then 'JOB_TIMED_OUT' else 'STAGE_TIMED_OUT' end,
            'message', case when v_late.whole_job then 'the job reached its deadline'
                            else format('stage %s reached its deadline', v_late.stage) end,
            'stage', v_late.stage))
        then
            v_repairs := v_repairs + 1;
        end if;
    end loop;
    return v_repairs;
end $$;
