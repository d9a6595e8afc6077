-- Who the audit trail names for what happens in this transaction: the caller whose request a function put into
-- app.actor, else the process, by the name of its connection.
create or replace function app.current_actor() returns text
language sql stable as $$
    select coalesce(nullif(current_setting('app.actor', true), ''), current_setting('application_name'))
$$;
