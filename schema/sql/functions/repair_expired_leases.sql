-- Finishes, as lost attempts, tasks whose worker has not been heard of for its lease.
create or replace function app.repair_expired_leases(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_task record;
    v_repairs integer := 0;
begin
    for v_task in
        select t.task_id, t.lease_token, t.attempt, t.worker from app.tasks t
         where t.status = 'processing' and t.lease_expires_at < now()
         order by t.lease_expires_at limit p_limit
           for update skip locked
    loop
        perform app.fail_attempt(
            v_task.task_id, v_task.lease_token,
            jsonb_build_object(
                'code', 'LEASE_EXPIRED', 'error_class', 'lost',
                'message', format('attempt %s was not heard of for its lease', v_task.attempt)),
            'lost');
        v_repairs := v_repairs + 1;
    end loop;
    -- This pass sends nothing itself: what it queued is left to the relay.
    update app.outbox set claimed_until = null
     where v_repairs > 0 and created_at = now();
    return v_repairs;
end $$;
