-- Holds stages to the table of transitions and writes each move to the audit trail.
create or replace function app.on_stage_transition() returns trigger
language plpgsql as $$
begin
    perform app.check_transition(
        'stage', old.status::text, new.last_event, new.status::text,
        format('%s run %s stage %s', new.job_id, new.run, new.stage));
    insert into app.job_events (job_id, run, stage, entity, from_status, event, to_status)
    values (new.job_id, new.run, new.stage, 'stage', old.status, new.last_event, new.status);
    return null;
end $$;

create or replace trigger stages_transition after update of status on app.stages
    for each row when (old.status is distinct from new.status)
    execute function app.on_stage_transition();
