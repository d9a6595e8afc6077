-- Callbacks: who is to be told how a run of a job went, and how far the telling got.

create type app.callback_notify as enum ('final', 'successful', 'failed', 'in_progress');
create type app.callback_form as enum ('job', 'ogc');
create type app.callback_state as enum ('waiting', 'due', 'delivered', 'failed', 'void');

create table app.callbacks (
    callback_id bigint generated always as identity primary key,
    job_id char(64) collate "C" not null references app.jobs on delete cascade,
    run integer not null,
    url text collate "C" not null check (octet_length(url) <= 2000),
    notify app.callback_notify not null,
    form app.callback_form not null,
    state app.callback_state not null default 'waiting',
    message_id uuid not null default gen_random_uuid(),
    status app.job_status,
    happened_at timestamptz,
    error jsonb,
    due_since timestamptz,
    attempt integer not null default 0,
    not_before timestamptz not null default now(),
    claimed_until timestamptz,
    last_error text,
    correlation_id text not null,
    base_url text not null check (octet_length(base_url) <= 8000),
    wanted text not null default '',
    created_at timestamptz not null default now(),
    delivered_at timestamptz,
    failed_at timestamptz,
    check (state in ('waiting', 'void') or num_nulls(status, happened_at, due_since) = 0)
) with (autovacuum_vacuum_scale_factor = 0.02);
comment on column app.callbacks.notify is 'the news that it waits for';
comment on column app.callbacks.form is 'which body is sent';
comment on column app.callbacks.message_id is 'the same in every attempt to tell one piece of news, another for the next';
comment on column app.callbacks.status is 'the news: the status that the run came to, at happened_at and with error';
comment on column app.callbacks.due_since is 'since when there is something to tell: later than the news for who subscribed later';
comment on column app.callbacks.attempt is 'deliveries of this news that were tried so far';
comment on column app.callbacks.base_url is 'what links begin with: where this app is found, or /api';
comment on column app.callbacks.wanted is
    'how the subscriber wants the results: what stands behind the job''s id in the id that it was given';
create unique index callbacks_once on app.callbacks (job_id, run, url, notify, md5(wanted));
create index callbacks_due on app.callbacks (not_before) where state = 'due';
create index callbacks_failed on app.callbacks (failed_at) where state = 'failed';
