-- Callbacks: claimed, then told how their delivery went. A claim that has passed to another changes nothing.

-- name: submit_job_and_subscribe
select s.created, s.job, s.outbox
  from app.submit_job(%(job_id)s, %(job_type)s, %(parameters)s, %(total_stages)s,
                      %(correlation_id)s, %(traceparent)s, %(submitted_by)s,
                      %(priority)s::smallint, %(max_parallel_tasks)s, %(timeout)s) as s
 cross join lateral app.subscribe((s.job ->> 'job_id')::char(64), %(urls)s, %(notify)s, %(forms)s, %(wanted)s,
                                  %(correlation_id)s, %(base_url)s) as subscribed;

-- name: claim_callbacks
select app.claim_callbacks(%(limit)s) as callback;

-- name: delivered
update app.callbacks
   set state = 'delivered', attempt = attempt + 1, delivered_at = now(), claimed_until = null, last_error = null
 where callback_id = %(callback_id)s and state in ('due', 'void') and claimed_until = %(claimed_until)s;

-- name: not_delivered
update app.callbacks
   set state = case when %(delay)s::interval is null then 'failed' else 'due' end::app.callback_state,
       attempt = attempt + 1, last_error = %(error)s, claimed_until = null,
       not_before = now() + coalesce(%(delay)s, interval '0'),
       failed_at = case when %(delay)s::interval is null then now() end
 where callback_id = %(callback_id)s and state = 'due' and claimed_until = %(claimed_until)s;

-- name: postponed
update app.callbacks
   set state = case when %(delay)s::interval is null then 'failed' else 'due' end::app.callback_state,
       last_error = %(error)s, claimed_until = null,
       not_before = now() + coalesce(%(delay)s, interval '0'),
       failed_at = case when %(delay)s::interval is null then now() end
 where callback_id = %(callback_id)s and state = 'due' and claimed_until = %(claimed_until)s;

-- name: backlog
select (select count(*) from app.callbacks where state = 'due') as due,
       (select min(due_since) from app.callbacks where state = 'due') as due_since,
       (select count(*) from app.callbacks where state = 'failed') as failed;
