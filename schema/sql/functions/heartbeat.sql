-- Extends leases and stores progress. One row for each lease still held; what is missing is lost. One that has run
-- out stays so: its place under a limit may be another's by now.
create or replace function app.heartbeat(
    p_task_ids text[], p_lease_tokens uuid[], p_progress double precision[]
) returns table (lease_token uuid, stop boolean)
language sql
set enable_seqscan = off as $$
    update app.tasks t
       set heartbeat_at = now(), lease_expires_at = now() + s.lease, progress = coalesce(b.progress, t.progress)
      from unnest(p_task_ids, p_lease_tokens, p_progress) as b (task_id, lease_token, progress),
           app.stages s, app.jobs j
     where t.task_id = b.task_id and t.lease_token = b.lease_token and t.status::text = 'processing'
       and t.lease_expires_at > now()
       and s.job_id = t.job_id and s.run = t.run and s.stage = t.stage
       and j.job_id = t.job_id
    returning t.lease_token, s.ending or s.status <> 'open' or j.run <> t.run or j.status <> 'processing'
$$;
