-- Raises the error of a move that the table of transitions does not have (SQLSTATE GJ001).
create or replace function app.refuse_transition(
    p_entity text, p_from text, p_event text, p_to text, p_subject text
) returns void
language plpgsql immutable as $$
begin
    raise exception '% %: % -> % by % is not allowed', p_entity, p_subject, p_from, p_to, p_event
        using errcode = 'GJ001';
end $$;
