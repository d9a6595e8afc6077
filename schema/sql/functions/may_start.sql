-- Whether tasks of a stage may start: the stage is open, and its run goes on.
create or replace function app.may_start(p_job_id char(64), p_run integer, p_stage integer) returns boolean
language sql stable as $$
    select exists (
        select from app.stages s join app.jobs j using (job_id)
         where s.job_id = p_job_id and s.run = p_run and s.stage = p_stage
           and s.status = 'open' and not s.ending and j.run = s.run and j.status = 'processing')
$$;
