-- Starts the next run of a finished job from its first stage; what earlier runs did stays on record. The audit
-- trail names p_actor (null: this process). One row: 'rerun', or 'active' where a run is under way; none for an unknown
-- job.
create or replace function app.rerun_job(p_job_id char(64), p_correlation_id text, p_actor text default null)
returns table (outcome text, job jsonb, outbox jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
begin
    perform set_config('app.actor', coalesce('user:' || p_actor, ''), true);
    update app.jobs
       set status = 'queued', last_event = 'rerun', run = run + 1, stage = 1, result = null, result_ref = null,
           error = null, started_at = null, finished_at = null, nudged_at = null, updated_at = now(),
           deadline = now() + timeout, correlation_id = p_correlation_id
     where job_id = p_job_id and status not in ('queued', 'processing')
    returning * into v_job;
    if found then
        return query
        select 'rerun', to_jsonb(v_job), jsonb_build_array(app.enqueue_job(p_job_id, v_job.run, 1));
    else
        return query select 'active', to_jsonb(j), '[]'::jsonb from app.jobs j where j.job_id = p_job_id;
    end if;
end $$;
-- As it was before it took p_actor: beside this one, a call without it would fit both.
drop function if exists app.rerun_job(char, text);
