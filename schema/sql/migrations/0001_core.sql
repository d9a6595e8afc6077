-- The orchestration's tables. Times are timestamptz; job ids compare bytewise, whatever the database's locale.

create schema if not exists app;

create type app.job_status as enum
    ('queued', 'processing', 'completed', 'completed_with_errors', 'failed', 'cancelled');
create type app.stage_status as enum
    ('open', 'closing', 'completed', 'completed_with_errors', 'failed', 'cancelled');
create type app.task_status as enum
    ('pending', 'queued', 'processing', 'completed', 'failed', 'skipped', 'cancelled');
create type app.outbox_kind as enum ('job', 'task');

-- What claiming a task answers: the outcome, and the task where it is 'claimed'.
create type app.task_claim as (
    outcome text, task_id text, job_id char(64), run integer, stage integer, task_index text, task_type text,
    parameters jsonb, parameters_ref text, attempt integer, max_attempts integer, lease_token uuid,
    lease_seconds double precision, timeout_seconds double precision
);

-- The law of schema/states.py, enforced by the triggers on jobs, stages and tasks.
create table app.transitions (
    entity text not null,
    from_status text not null,
    event text not null,
    to_status text not null,
    primary key (entity, from_status, event, to_status)
);

create table app.jobs (
    job_id char(64) collate "C" primary key check (job_id ~ '^[0-9a-f]{64}$'),
    job_type text not null,
    parameters jsonb not null,
    status app.job_status not null default 'queued',
    last_event text not null default 'submitted',
    stage integer not null default 1 check (stage >= 1),
    total_stages integer not null check (total_stages >= 1),
    run integer not null default 1 check (run >= 1),
    result jsonb,
    result_ref text,
    error jsonb,
    submitted_by text,
    correlation_id text not null,
    traceparent text,
    priority smallint not null default 1 check (priority between 0 and 2),
    max_parallel_tasks integer check (max_parallel_tasks >= 1),
    timeout interval not null default interval '7 days',
    deadline timestamptz,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz not null default now(),
    nudged_at timestamptz,
    expires_at timestamptz
);
comment on column app.jobs.priority is '0 high, 1 normal, 2 low';
comment on column app.jobs.max_parallel_tasks is 'limit of the job type on live leases across its jobs; null: none';
create index jobs_by_creation on app.jobs (created_at desc, job_id);
create index jobs_active on app.jobs (updated_at) where status in ('queued', 'processing');
create index jobs_finished on app.jobs (finished_at) where finished_at is not null;

create table app.stages (
    job_id char(64) collate "C" not null references app.jobs on delete cascade,
    run integer not null,
    stage integer not null,
    status app.stage_status not null default 'open',
    last_event text not null default 'opened',
    task_type text not null,
    correlation_id text not null,
    expected integer not null check (expected >= 0),
    completed integer not null default 0,
    failed integer not null default 0,
    retries integer not null default 0,
    round integer not null default 1,
    ending boolean not null default false,
    max_parallel_tasks integer not null check (max_parallel_tasks >= 1),
    fail_fast boolean not null,
    min_success_rate double precision not null,
    max_attempts integer not null,
    retry_base interval not null,
    retry_factor double precision not null,
    retry_cap interval not null,
    retry_jitter double precision not null,
    lease interval not null,
    task_timeout interval not null,
    timeout interval not null,
    opened_at timestamptz not null default now(),
    resumed_at timestamptz,
    closing_at timestamptz,
    closed_at timestamptz,
    deadline timestamptz,
    nudged_at timestamptz,
    result jsonb,
    result_ref text,
    primary key (job_id, run, stage)
);
comment on column app.stages.round is 'how often it was opened; what was decided in an earlier round is void';
comment on column app.stages.ending is 'no task of this stage may start any more; those that run are to stop';
comment on column app.stages.resumed_at is 'when its job was retried last; what stopped for what was before goes on';
create index stages_live on app.stages (opened_at) where status in ('open', 'closing');

create table app.tasks (
    task_id text collate "C" primary key,
    job_id char(64) collate "C" not null,
    run integer not null,
    stage integer not null,
    task_index text collate "C" not null,
    position integer not null,
    task_type text not null,
    correlation_id text not null,
    status app.task_status not null,
    last_event text not null default 'planned',
    parameters jsonb not null,
    parameters_ref text,
    resource text collate "C",
    result jsonb,
    result_ref text,
    error jsonb,
    attempt integer not null default 0,
    max_attempts integer not null,
    not_before timestamptz not null default now(),
    nudged_at timestamptz,
    lease_token uuid,
    lease_expires_at timestamptz,
    heartbeat_at timestamptz,
    progress double precision,
    processed_items bigint,
    worker text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    unique (job_id, run, stage, task_index),
    foreign key (job_id, run, stage) references app.stages on delete cascade,
    check ((status = 'processing') = (lease_token is not null))
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
comment on column app.tasks.attempt is 'claims made so far; the message of the next attempt carries attempt + 1';
comment on column app.tasks.position is 'order in which the tasks of a stage start, from 0';
-- Serves the probe for one unfinished task (from the end) and the release of the next held-back one.
create index tasks_unfinished on app.tasks (job_id, run, stage, position)
    where status in ('pending', 'queued', 'processing');
-- A named resource is held by the one task that is processing: no lock to forget, none to leak.
create unique index tasks_holding_resource on app.tasks (resource)
    where status = 'processing' and resource is not null;
create index tasks_leased on app.tasks (lease_expires_at) where status = 'processing';
create index tasks_waiting on app.tasks (not_before) where status = 'queued';
-- All tasks of a stage are of one moment, so this index holds few distinct keys and stays small.
create index tasks_by_creation on app.tasks (created_at desc);

create table app.outbox (
    outbox_id bigint generated always as identity primary key,
    kind app.outbox_kind not null,
    job_id char(64) collate "C" not null,
    run integer not null,
    stage integer not null,
    task_id text collate "C",
    attempt integer,
    correlation_id text not null,
    traceparent text,
    priority smallint not null default 1,
    created_at timestamptz not null default now(),
    available_at timestamptz not null default now(),
    claimed_until timestamptz,
    check ((kind = 'task') = (task_id is not null and attempt is not null))
) with (autovacuum_vacuum_scale_factor = 0.02);
create index outbox_by_priority on app.outbox (priority, outbox_id);
create index outbox_by_job on app.outbox (job_id, run, stage);

create table app.job_events (
    event_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    job_id char(64) collate "C" not null,
    run integer not null,
    stage integer,
    task_id text collate "C",
    attempt integer,
    entity text not null,
    from_status text,
    event text not null,
    to_status text not null,
    correlation_id text,
    actor text not null default current_setting('application_name'),
    details jsonb
);
create index job_events_by_job on app.job_events (job_id, event_id);

create table app.dead_letters (
    dead_letter_id bigint generated always as identity primary key,
    queue text not null,
    message_id text not null,
    body text not null,
    digest text not null,
    size integer not null,
    dequeue_count integer not null,
    error_code text not null,
    error text not null,
    job_id text,
    task_id text,
    correlation_id text,
    verdict text,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    judged_at timestamptz,
    replayed_at timestamptz,
    disposed_at timestamptz,
    unique (queue, message_id)
);
comment on column app.dead_letters.digest is 'SHA-256 of the whole body: the copy in the poison queue has another id';
create index dead_letters_by_digest on app.dead_letters (digest);
create index dead_letters_by_time on app.dead_letters (last_seen_at);

create table app.sweeps (
    sweep_id bigint generated always as identity primary key,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    actor text not null default current_setting('application_name'),
    repairs jsonb,
    error text
);

create table app.schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);

insert into app.transitions (entity, from_status, event, to_status) values
    ('job', 'queued', 'started', 'processing'),
    ('job', 'queued', 'completed', 'completed'),
    ('job', 'queued', 'failed', 'failed'),
    ('job', 'queued', 'cancelled', 'cancelled'),
    ('job', 'processing', 'completed', 'completed'),
    ('job', 'processing', 'completed', 'completed_with_errors'),
    ('job', 'processing', 'failed', 'failed'),
    ('job', 'processing', 'cancelled', 'cancelled'),
    ('job', 'failed', 'retried', 'processing'),
    ('job', 'cancelled', 'retried', 'processing'),
    ('job', 'failed', 'retried', 'queued'),
    ('job', 'cancelled', 'retried', 'queued'),
    ('job', 'completed', 'rerun', 'queued'),
    ('job', 'completed_with_errors', 'rerun', 'queued'),
    ('job', 'failed', 'rerun', 'queued'),
    ('job', 'cancelled', 'rerun', 'queued'),
    ('stage', 'open', 'last_task_finished', 'closing'),
    ('stage', 'open', 'failed', 'failed'),
    ('stage', 'open', 'cancelled', 'cancelled'),
    ('stage', 'closing', 'settled', 'completed'),
    ('stage', 'closing', 'settled', 'completed_with_errors'),
    ('stage', 'closing', 'settled', 'failed'),
    ('stage', 'closing', 'retried', 'open'),
    ('stage', 'closing', 'failed', 'failed'),
    ('stage', 'closing', 'cancelled', 'cancelled'),
    ('stage', 'completed', 'retried', 'closing'),
    ('stage', 'completed_with_errors', 'retried', 'closing'),
    ('stage', 'completed_with_errors', 'retried', 'open'),
    ('stage', 'failed', 'retried', 'closing'),
    ('stage', 'cancelled', 'retried', 'closing'),
    ('stage', 'failed', 'retried', 'open'),
    ('stage', 'cancelled', 'retried', 'open'),
    ('task', 'pending', 'released', 'queued'),
    ('task', 'pending', 'failed', 'failed'),
    ('task', 'pending', 'skipped', 'skipped'),
    ('task', 'pending', 'cancelled', 'cancelled'),
    ('task', 'queued', 'claimed', 'processing'),
    ('task', 'queued', 'failed', 'failed'),
    ('task', 'queued', 'skipped', 'skipped'),
    ('task', 'queued', 'cancelled', 'cancelled'),
    ('task', 'processing', 'completed', 'completed'),
    ('task', 'processing', 'failed', 'failed'),
    ('task', 'processing', 'attempt_failed', 'queued'),
    ('task', 'processing', 'lease_expired', 'queued'),
    ('task', 'processing', 'cancelled', 'cancelled'),
    ('task', 'completed', 'stage_retried', 'queued'),
    ('task', 'completed', 'stage_retried', 'pending'),
    ('task', 'failed', 'stage_retried', 'queued'),
    ('task', 'failed', 'stage_retried', 'pending'),
    ('task', 'skipped', 'stage_retried', 'queued'),
    ('task', 'skipped', 'stage_retried', 'pending'),
    ('task', 'cancelled', 'stage_retried', 'queued'),
    ('task', 'cancelled', 'stage_retried', 'pending');
