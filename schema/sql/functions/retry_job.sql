-- Resumes a failed or cancelled job at the stage where it stopped: there, only what failed or never started runs.
-- The audit trail names p_actor (null: this process). One row: 'retried', or 'refused' in any other state; none for an
-- unknown job.
create or replace function app.retry_job(p_job_id char(64), p_correlation_id text, p_actor text default null)
returns table (outcome text, job jsonb, outbox jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
    v_outbox jsonb := '[]';
begin
    perform set_config('app.actor', coalesce('user:' || p_actor, ''), true);
    select * into v_job from app.jobs where job_id = p_job_id for update;
    if not found then
        return;
    end if;
    if v_job.status not in ('failed', 'cancelled') then
        return query select 'refused', to_jsonb(v_job), v_outbox;
        return;
    end if;
    update app.jobs
       set status = case when exists (
               select from app.stages where job_id = p_job_id and run = v_job.run and stage = v_job.stage)
               then 'processing' else 'queued' end::app.job_status,
           last_event = 'retried', result = null, result_ref = null, error = null, finished_at = null,
           nudged_at = null, updated_at = now(), deadline = now() + timeout,
           correlation_id = p_correlation_id
     where job_id = p_job_id
    returning * into v_job;
    if not app.resume_stage(p_job_id, v_job.run, v_job.stage) then
        v_outbox := jsonb_build_array(app.enqueue_job(p_job_id, v_job.run, v_job.stage));
    end if;
    return query select 'retried', to_jsonb(v_job), v_outbox;
end $$;
-- As it was before it took p_actor: beside this one, a call without it would fit both.
drop function if exists app.retry_job(char, text);
