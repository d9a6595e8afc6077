-- Releases tasks that are held back though their stage's window has room: the window is what is queued or runs now,
-- counted anew, so that nothing can leak from it.
create or replace function app.repair_held_back(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_stage record;
    v_task record;
    v_room integer;
    v_queued bigint[] := '{}';
    v_repairs integer := 0;
begin
    for v_stage in
        select s.job_id, s.run, s.stage, s.max_parallel_tasks
          from app.stages s
          cross join lateral (
              select count(*) filter (where t.status in ('queued', 'processing')) as tasks,
                     count(*) filter (where t.status = 'pending') as pending
                from app.tasks t
               where t.job_id = s.job_id and t.run = s.run and t.stage = s.stage
                 and t.status in ('pending', 'queued', 'processing')) live
         where s.status = 'open' and not s.ending
           and live.pending > 0 and live.tasks < s.max_parallel_tasks
         order by s.opened_at limit p_limit
           for no key update of s skip locked
    loop
        -- Once more under the stage's lock: of two passes at once, one may have filled it.
        select v_stage.max_parallel_tasks - count(*) into v_room from app.tasks t
         where t.job_id = v_stage.job_id and t.run = v_stage.run and t.stage = v_stage.stage
           and t.status in ('queued', 'processing');
        for v_task in
            select t.task_id from app.tasks t
             where t.job_id = v_stage.job_id and t.run = v_stage.run and t.stage = v_stage.stage
               and t.status = 'pending'
             order by t.position limit greatest(0, least(v_room, p_limit - v_repairs))
               for update skip locked
        loop
            update app.tasks set status = 'queued', last_event = 'released', not_before = now()
             where task_id = v_task.task_id;
            v_queued := v_queued || (app.enqueue_task(v_task.task_id) ->> 'outbox_id')::bigint;
            v_repairs := v_repairs + 1;
        end loop;
        exit when v_repairs >= p_limit;
    end loop;
    -- This pass sends nothing itself: what it queued is left to the relay.
    update app.outbox set claimed_until = null where outbox_id = any(v_queued);
    return v_repairs;
end $$;
