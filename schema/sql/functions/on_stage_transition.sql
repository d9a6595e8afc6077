-- Holds stages to the table of transitions and writes each move to the audit trail, both in one statement.
create or replace function app.on_stage_transition() returns trigger
language plpgsql as $$
begin
    insert into app.job_events
        (job_id, run, stage, entity, from_status, event, to_status, correlation_id, actor)
    select new.job_id, new.run, new.stage, 'stage', old.status, new.last_event, new.status, new.correlation_id,
           app.current_actor()
      from app.transitions
     where entity = 'stage' and from_status = old.status::text
       and event = new.last_event and to_status = new.status::text;
    if not found then
        perform app.refuse_transition(
            'stage', old.status::text, new.last_event, new.status::text,
            format('%s run %s stage %s', new.job_id, new.run, new.stage));
    end if;
    return null;
end $$;
