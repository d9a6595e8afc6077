-- Queues the next held-back task of a stage. Tasks are released in order, so the next one stands behind the
-- one that just finished; starting there keeps the scan away from the dead entries of those before. Called by
-- functions that have the planner keep to the indexes, whatever the statistics of a new table say.
create or replace function app.release_next(
    p_job_id char(64), p_run integer, p_stage integer, p_position integer
) returns jsonb
language plpgsql as $$
declare
    v_task_id text;
begin
    update app.tasks
       set status = 'queued', last_event = 'released', not_before = now()
     where task_id = (
        select task_id from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage
           and status = 'pending' and position > p_position
         order by position limit 1
         for update skip locked)
    returning task_id into v_task_id;
    if v_task_id is null then
        return '[]';
    end if;
    return jsonb_build_array(app.enqueue_task(v_task_id));
end $$;
