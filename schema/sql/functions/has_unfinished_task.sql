-- Whether a stage has an unfinished task, probed from its end: tasks start in order, so one that is not
-- finished is found there at once, and the cost does not grow with the stage.
create or replace function app.has_unfinished_task(p_job_id char(64), p_run integer, p_stage integer)
returns boolean
language plpgsql volatile as $$
begin
    perform from app.tasks
      where job_id = p_job_id and run = p_run and stage = p_stage
        and status in ('pending', 'queued', 'processing')
      order by position desc limit 1;
    return found;
end $$;
