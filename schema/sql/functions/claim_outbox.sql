-- Takes messages that nobody is sending for a minute: the urgent first, then the oldest.
create or replace function app.claim_outbox(p_limit integer) returns setof jsonb
language sql as $$
    with due as (
        select outbox_id from app.outbox
         where claimed_until is null or claimed_until < now()
         order by priority, outbox_id limit p_limit
         for update skip locked
    )
    update app.outbox o set claimed_until = now() + interval '1 minute'
      from due where o.outbox_id = due.outbox_id
    returning app.outbox_json(o)
$$;
