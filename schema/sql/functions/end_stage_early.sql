-- After a final failure in a stage that fails fast: what has not started is skipped, what runs is told to stop. A task
-- that somebody else is about to change is left to them: waiting for it while they wait for the stage would be a
-- deadlock, and it is skipped at its next claim.
create or replace function app.end_stage_early(p_job_id char(64), p_run integer, p_stage integer) returns void
language plpgsql
set enable_seqscan = off as $$
begin
    update app.stages set ending = true
     where job_id = p_job_id and run = p_run and stage = p_stage
       and status = 'open' and fail_fast and not ending;
    if found then
        with waiting as (
            select task_id from app.tasks
             where job_id = p_job_id and run = p_run and stage = p_stage and status in ('pending', 'queued')
             order by position
               for update skip locked
        )
        update app.tasks t set status = 'skipped', last_event = 'skipped', finished_at = clock_timestamp()
          from waiting where t.task_id = waiting.task_id;
    end if;
end $$;
