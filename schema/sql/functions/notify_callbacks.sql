-- Makes due what waits for the news that this job has just made, in the transaction that makes it; what waited for
-- other news becomes void, and so does the news of a start that was not told by the end. A retry takes the end of the run back: all that was to tell it waits for the next one.
create or replace function app.notify_callbacks(p_job app.jobs) returns void
language plpgsql as $$
begin
    if app.callback_state_at('in_progress', p_job.status) = 'void' then
        -- the claim stays: a delivery that is under way may still say that it was made
        update app.callbacks set state = 'void'
         where job_id = p_job.job_id and run = p_job.run and notify = 'in_progress' and state = 'due';
    end if;
    if p_job.last_event = 'retried' then
        update app.callbacks
           set state = 'waiting', message_id = gen_random_uuid(), attempt = 0, claimed_until = null,
               last_error = null, delivered_at = null, failed_at = null
         where job_id = p_job.job_id and run = p_job.run and (notify <> 'in_progress' or state = 'void');
    end if;
    update app.callbacks
       set state = app.callback_state_at(notify, p_job.status), status = p_job.status,
           happened_at = coalesce(p_job.finished_at, p_job.updated_at), error = p_job.error, not_before = now(),
           due_since = now()
     where job_id = p_job.job_id and run = p_job.run and state = 'waiting'
       and app.callback_state_at(notify, p_job.status) <> 'waiting';
end $$;
