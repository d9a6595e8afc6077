-- An outbox row as the relay sends it; the delay is what is left of it now, in seconds.
create or replace function app.outbox_json(o app.outbox) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'outbox_id', o.outbox_id, 'kind', o.kind, 'job_id', o.job_id, 'run', o.run, 'stage', o.stage,
        'task_id', o.task_id, 'attempt', o.attempt, 'correlation_id', o.correlation_id,
        'traceparent', o.traceparent, 'priority', o.priority,
        'delay_seconds', greatest(0, extract(epoch from o.available_at - now())))
$$;
