-- Holds tasks to the table of transitions and writes each move, with an attempt's error, to the audit trail;
-- both in one statement, as this runs three times for each task.
create or replace function app.on_task_transition() returns trigger
language plpgsql as $$
begin
    insert into app.job_events
        (job_id, run, stage, task_id, attempt, entity, from_status, event, to_status, correlation_id,
         actor, details)
    select new.job_id, new.run, new.stage, new.task_id, new.attempt, 'task',
           old.status, new.last_event, new.status, new.correlation_id,
           app.current_actor(),
           case when new.last_event in ('failed', 'attempt_failed', 'lease_expired') then new.error end
      from app.transitions
     where entity = 'task' and from_status = old.status::text
       and event = new.last_event and to_status = new.status::text;
    if not found then
        perform app.refuse_transition(
            'task', old.status::text, new.last_event, new.status::text, new.task_id);
    end if;
    return null;
end $$;
