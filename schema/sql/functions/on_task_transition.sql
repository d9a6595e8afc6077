-- Holds tasks to the table of transitions and writes each move, with an attempt's error, to the audit trail.
create or replace function app.on_task_transition() returns trigger
language plpgsql as $$
begin
    perform app.check_transition(
        'task', old.status::text, new.last_event, new.status::text, new.task_id);
    insert into app.job_events
        (job_id, run, stage, task_id, attempt, entity, from_status, event, to_status, details)
    values
        (new.job_id, new.run, new.stage, new.task_id, new.attempt, 'task',
         old.status, new.last_event, new.status,
         case when new.last_event in ('failed', 'attempt_failed', 'lease_expired') then new.error end);
    return null;
end $$;

create or replace trigger tasks_transition after update of status on app.tasks
    for each row when (old.status is distinct from new.status)
    execute function app.on_task_transition();
