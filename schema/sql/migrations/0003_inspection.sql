-- Indexes for those who look into the database: newest first by what they filter by, and a job's tasks in order.

-- A job's tasks page by page. The position is cast so that this index never serves the ordered probes that
-- tasks_unfinished is for: they would walk over all that is finished.
create index tasks_in_order on app.tasks (job_id, run, stage, (position::bigint));
-- What did not go well is little, and is looked for most. Tasks that complete do not pay for it.
create index tasks_troubled on app.tasks (status, created_at desc)
    where status in ('failed', 'skipped', 'cancelled');
create index tasks_troubled_by_type on app.tasks (task_type, status, created_at desc)
    where status in ('failed', 'skipped', 'cancelled');
-- All tasks of a stage are made with it: the newest are those of the newest stages.
create index stages_by_opening on app.stages (opened_at desc);
create index stages_by_type on app.stages (task_type, opened_at desc);
drop index app.tasks_by_creation;

create index jobs_by_type on app.jobs (job_type, created_at desc, job_id);
create index jobs_troubled on app.jobs (status, created_at desc, job_id)
    where status in ('completed_with_errors', 'failed', 'cancelled');

-- The events of jobs and stages lie among many more of tasks.
create index job_events_without_tasks on app.job_events (job_id, event_id) where entity <> 'task';
