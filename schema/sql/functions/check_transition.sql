-- Refuses a move that the table of transitions does not have (SQLSTATE GJ001).
create or replace function app.check_transition(
    p_entity text, p_from text, p_event text, p_to text, p_subject text
) returns void
language plpgsql stable as $$
begin
    perform from app.transitions
      where entity = p_entity and from_status = p_from and event = p_event and to_status = p_to;
    if not found then
        raise exception '% %: % -> % by % is not allowed', p_entity, p_subject, p_from, p_to, p_event
            using errcode = 'GJ001';
    end if;
end $$;
