-- The triggers that hold every writer to the table of transitions. Made where they are missing only: making one
-- locks its table, which an upgrade under load must not do without need.
do $$
begin
    if not exists (select from pg_trigger where tgname = 'jobs_transition'
                    and tgrelid = 'app.jobs'::regclass) then
        create trigger jobs_transition after update of status on app.jobs
            for each row when (old.status is distinct from new.status)
            execute function app.on_job_transition();
    end if;
    if not exists (select from pg_trigger where tgname = 'stages_transition'
                    and tgrelid = 'app.stages'::regclass) then
        create trigger stages_transition after update of status on app.stages
            for each row when (old.status is distinct from new.status)
            execute function app.on_stage_transition();
    end if;
    if not exists (select from pg_trigger where tgname = 'tasks_transition'
                    and tgrelid = 'app.tasks'::regclass) then
        create trigger tasks_transition after update of status on app.tasks
            for each row when (old.status is distinct from new.status)
            execute function app.on_task_transition();
    end if;
end $$;
