-- Finishes, as lost attempts, tasks whose worker has not been heard of for its lease. Stage by stage in one order, so
-- that two passes at once do not wait for each other; a task that cannot be repaired does not keep the others from it.
create or replace function app.repair_expired_leases(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_task record;
    v_queued bigint[] := '{}';
    v_repairs integer := 0;
begin
    for v_task in
        select * from (
            select t.task_id, t.lease_token, t.attempt, t.job_id, t.run, t.stage, t.position from app.tasks t
             where t.status = 'processing' and t.lease_expires_at < now()
             order by t.lease_expires_at limit p_limit
               for update skip locked) expired
         order by job_id, run, stage, position
    loop
        begin
            v_queued := v_queued || array(
                select (message ->> 'outbox_id')::bigint
                  from app.fail_attempt(
                      v_task.task_id, v_task.lease_token,
                      jsonb_build_object(
                          'code', 'LEASE_EXPIRED', 'error_class', 'lost',
                          'message', format('attempt %s was not heard of for its lease', v_task.attempt)),
                      'lost', null) ended
                 cross join lateral jsonb_array_elements(ended.outbox) message);
            v_repairs := v_repairs + 1;
        exception when raise_exception or integrity_constraint_violation or data_exception then
            raise warning 'the lease of % could not be repaired: %', v_task.task_id, sqlerrm;
        end;
    end loop;
    -- This pass sends nothing itself: what it queued is left to the relay.
    update app.outbox set claimed_until = null where outbox_id = any(v_queued);
    return v_repairs;
end $$;
