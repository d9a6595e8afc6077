-- Adds callbacks to the current run of a job, each once; one whose news is there already is due at once, and one that
-- could not be delivered is due again. The lock on the job's row keeps its next transition waiting, so that no news
-- falls between, and other subscribers, so that a run has no more than 20 (SQLSTATE GJ002). Returns how many rows were
-- made or made due again.
create or replace function app.subscribe(
    p_job_id char(64), p_urls text[], p_notify text[], p_forms text[], p_wanted text[],
    p_correlation_id text, p_base_url text
) returns integer
language plpgsql as $$
declare
    v_job app.jobs;
    v_changed integer;
begin
    select * into v_job from app.jobs where job_id = p_job_id for no key update;
    if not found then
        return 0;
    end if;
    insert into app.callbacks as c
        (job_id, run, url, notify, form, state, status, happened_at, due_since, error, correlation_id, base_url,
         wanted)
    select v_job.job_id, v_job.run, w.url, w.notify, w.form, app.callback_state_at(w.notify, v_job.status),
           v_job.status, coalesce(v_job.finished_at, v_job.started_at, v_job.created_at), now(),
           v_job.error, p_correlation_id, p_base_url, w.wanted
      from (select distinct on (url, notify, wanted)
                   url, notify::app.callback_notify, form::app.callback_form, wanted
              from unnest(p_urls, p_notify, p_forms, p_wanted) as given (url, notify, form, wanted)) as w
    on conflict (job_id, run, url, notify, md5(wanted)) do update
       set state = 'due', message_id = gen_random_uuid(), attempt = 0, not_before = now(), due_since = now(),
           claimed_until = null, last_error = null, delivered_at = null, failed_at = null
     where c.state = 'failed';
    get diagnostics v_changed = row_count;
    if (select count(*) > 20 from app.callbacks where job_id = p_job_id and run = v_job.run) then
        raise exception 'run % of job % would have more than 20 callbacks', v_job.run, p_job_id
            using errcode = 'GJ002';
    end if;
    return v_changed;
end $$;
