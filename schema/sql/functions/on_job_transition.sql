-- Holds jobs to the table of transitions and writes each move to the audit trail.
create or replace function app.on_job_transition() returns trigger
language plpgsql as $$
begin
    perform app.check_transition(
        'job', old.status::text, new.last_event, new.status::text, new.job_id::text);
    insert into app.job_events (job_id, run, stage, entity, from_status, event, to_status, details)
    values (new.job_id, new.run, new.stage, 'job', old.status, new.last_event, new.status, new.error);
    return null;
end $$;

create or replace trigger jobs_transition after update of status on app.jobs
    for each row when (old.status is distinct from new.status)
    execute function app.on_job_transition();
