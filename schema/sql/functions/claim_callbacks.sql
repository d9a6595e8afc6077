-- Takes callbacks that are due and that nobody is delivering, for a minute: the longest due first.
create or replace function app.claim_callbacks(p_limit integer) returns setof jsonb
language sql as $$
    with due as (
        select callback_id from app.callbacks
         where state = 'due' and not_before <= now() and (claimed_until is null or claimed_until < now())
         order by not_before, callback_id limit p_limit
           for update skip locked
    )
    update app.callbacks c set claimed_until = now() + interval '1 minute'
      from due, app.jobs j
     where c.callback_id = due.callback_id and j.job_id = c.job_id
    returning to_jsonb(c) || jsonb_build_object('job_type', j.job_type, 'job_created_at', j.created_at)
$$;
