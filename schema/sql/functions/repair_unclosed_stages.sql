-- Closes stages in which nothing is unfinished but which nobody closed.
create or replace function app.repair_unclosed_stages(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
declare
    v_stage record;
    v_message jsonb;
    v_repairs integer := 0;
begin
    for v_stage in
        select s.job_id, s.run, s.stage from app.stages s
         where s.status = 'open' and not app.has_unfinished_task(s.job_id, s.run, s.stage)
         order by s.opened_at limit p_limit
    loop
        for v_message in
            select * from jsonb_array_elements(app.close_stage(v_stage.job_id, v_stage.run, v_stage.stage))
        loop
            update app.outbox set claimed_until = null
             where outbox_id = (v_message ->> 'outbox_id')::bigint;
            v_repairs := v_repairs + 1;
        end loop;
    end loop;
    return v_repairs;
end $$;
