-- A worker's one call at the end of an attempt: store how it ended, commit, then close the stage if that was
-- its last task. Two transactions in one round trip, because the probe must see what others committed.
create or replace procedure app.finish_task(
    p_task_id text, p_lease_token uuid, p_result jsonb, p_result_ref text, p_processed_items bigint,
    p_error jsonb, p_error_class text, p_delay interval,
    inout outcome text default null, inout outbox jsonb default null
)
language plpgsql as $$
declare
    v_ended record;
begin
    if p_error is null then
        select * into v_ended
          from app.complete_attempt(
              p_task_id, p_lease_token, p_result, p_result_ref, p_processed_items);
    else
        select * into v_ended
          from app.fail_attempt(p_task_id, p_lease_token, p_error, p_error_class, p_delay);
    end if;
    commit;

    outcome := coalesce(v_ended.outcome, 'lost');
    outbox := coalesce(v_ended.outbox, '[]');
    if outcome in ('completed', 'failed', 'cancelled') then
        outbox := outbox || app.close_stage(v_ended.job_id, v_ended.run, v_ended.stage);
    end if;
end $$;
