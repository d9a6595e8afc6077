-- Puts "look at this stage" into the outbox; claimed for the caller, who sends it at once.
create or replace function app.enqueue_job(p_job_id char(64), p_run integer, p_stage integer) returns jsonb
language plpgsql as $$
declare
    v_message app.outbox;
begin
    insert into app.outbox (kind, job_id, run, stage, correlation_id, traceparent, priority, claimed_until)
    select 'job', job_id, p_run, p_stage, correlation_id, traceparent, priority, now() + interval '1 minute'
      from app.jobs where job_id = p_job_id
    returning * into v_message;
    return app.outbox_json(v_message);
end $$;
