-- Puts "this attempt may be claimed" into the outbox; claimed for the caller, who sends it at once.
create or replace function app.enqueue_task(p_task_id text) returns jsonb
language plpgsql as $$
declare
    v_message app.outbox;
begin
    insert into app.outbox
        (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority,
         available_at, claimed_until)
    select 'task', t.job_id, t.run, t.stage, t.task_id, t.attempt + 1, j.correlation_id, j.traceparent, j.priority,
           t.not_before, now() + interval '1 minute'
      from app.tasks t join app.jobs j using (job_id)
     where t.task_id = p_task_id
    returning * into v_message;
    return app.outbox_json(v_message);
end $$;
