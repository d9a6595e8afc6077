-- Stops a job for p_actor, whom the audit trail names (null: this process). One row: 'cancelled' where it is that now
-- or was already, else 'final'; none for an unknown job.
create or replace function app.cancel_job(p_job_id char(64), p_reason text, p_actor text default null)
returns table (outcome text, job jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
begin
    perform set_config('app.actor', coalesce('user:' || p_actor, ''), true);
    select * into v_job from app.jobs where job_id = p_job_id for update;
    if not found then
        return;
    end if;
    perform app.end_run(p_job_id, v_job.run, 'cancelled', jsonb_build_object(
        'code', 'JOB_CANCELLED', 'message', p_reason, 'stage', v_job.stage));
    return query
    select case j.status when 'cancelled' then 'cancelled' else 'final' end, to_jsonb(j)
      from app.jobs j where j.job_id = p_job_id;
end $$;
-- As it was before it took p_actor: beside this one, a call without it would fit both.
drop function if exists app.cancel_job(char, text);
