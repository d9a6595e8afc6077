-- The last task turns out the lights. Must run after the finisher's own commit: then the later of the last two
-- commits sees the other, and somebody gets here. The lock and the compare-and-set make it one.
create or replace function app.close_stage(p_job_id char(64), p_run integer, p_stage integer) returns jsonb
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
begin
    if app.has_unfinished_task(p_job_id, p_run, p_stage) then
        return '[]';
    end if;
    perform pg_advisory_xact_lock(hashtextextended(p_job_id || ':' || p_run || ':' || p_stage, 0));
    update app.stages
       set status = 'closing', last_event = 'last_task_finished', closing_at = now()
     where job_id = p_job_id and run = p_run and stage = p_stage and status = 'open'
       and not app.has_unfinished_task(p_job_id, p_run, p_stage);
    if not found then
        return '[]';
    end if;
    return jsonb_build_array(app.enqueue_job(p_job_id, p_run, p_stage));
end $$;
