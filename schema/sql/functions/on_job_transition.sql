-- Holds jobs to the table of transitions and writes each move to the audit trail, both in one statement; then tells
-- those who wait for the news.
create or replace function app.on_job_transition() returns trigger
language plpgsql as $$
begin
    insert into app.job_events
        (job_id, run, stage, entity, from_status, event, to_status, correlation_id, actor, details)
    select new.job_id, new.run, new.stage, 'job', old.status, new.last_event, new.status, new.correlation_id,
           app.current_actor(), new.error
      from app.transitions
     where entity = 'job' and from_status = old.status::text
       and event = new.last_event and to_status = new.status::text;
    if not found then
        perform app.refuse_transition(
            'job', old.status::text, new.last_event, new.status::text, new.job_id::text);
    end if;
    perform app.notify_callbacks(new);
    return null;
end $$;
