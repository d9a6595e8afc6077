-- What becomes of a callback when its run has this status: it waits on, is due, or will never be.
create or replace function app.callback_state_at(p_notify app.callback_notify, p_status app.job_status)
returns app.callback_state
language sql immutable as $$
    select case
        when p_notify = 'in_progress' then
            case p_status when 'queued' then 'waiting' when 'processing' then 'due' else 'void' end
        when p_status in ('queued', 'processing') then 'waiting'
        when p_notify = 'final' then 'due'
        when (p_notify = 'successful') = (p_status in ('completed', 'completed_with_errors')) then 'due'
        else 'void'
    end::app.callback_state
$$;
