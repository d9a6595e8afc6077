-- The functions as the schema's first version had them: what a database that is upgraded from it begins with.

-- Stops a job. One row: 'cancelled' where it is that now or was already, else 'final'; none for an unknown job.
create or replace function app.cancel_job(p_job_id char(64), p_reason text)
returns table (outcome text, job jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
begin
    select * into v_job from app.jobs where job_id = p_job_id for update;
    if not found then
        return;
    end if;
    perform app.end_run(p_job_id, v_job.run, 'cancelled', jsonb_build_object(
        'code', 'JOB_CANCELLED', 'message', p_reason, 'stage', v_job.stage));
    return query
    select case j.status when 'cancelled' then 'cancelled' else 'final' end, to_jsonb(j)
      from app.jobs j where j.job_id = p_job_id;
end $$;

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

-- Gives a queued task to a worker for the length of its stage's lease. The quick way serves tasks that share nothing;
-- with p_within_limits the caller has seen to the limits.
create or replace function app.claim_task(
    p_task_id text, p_attempt integer, p_worker text, p_lease_token uuid, p_within_limits boolean default false
) returns setof app.task_claim
language plpgsql
set enable_seqscan = off as $$
begin
    return query
    update app.tasks t
       set status = 'processing', last_event = 'claimed', attempt = p_attempt, lease_token = p_lease_token,
           lease_expires_at = now() + s.lease, heartbeat_at = now(), started_at = clock_timestamp(),
           worker = p_worker, progress = null
      from app.stages s, app.jobs j
     where t.task_id = p_task_id and t.attempt = p_attempt - 1 and t.status::text = 'queued'
       and t.not_before <= now()
       and s.job_id = t.job_id and s.run = t.run and s.stage = t.stage
       and s.status = 'open' and not s.ending
       and j.job_id = t.job_id and j.run = t.run and j.status = 'processing'
       and (p_within_limits or t.resource is null and j.max_parallel_tasks is null)
    returning 'claimed', t.task_id, t.job_id, t.run, t.stage, t.task_index, t.task_type,
              t.parameters, t.parameters_ref, t.attempt, t.max_attempts, t.lease_token,
              extract(epoch from s.lease)::double precision,
              extract(epoch from s.task_timeout)::double precision;
    if found then
        return;
    elsif p_within_limits then
        return query select * from app.unclaimed(p_task_id, p_attempt);
    else
        return query select * from app.claim_within_limits(p_task_id, p_attempt, p_worker, p_lease_token);
    end if;
end $$;

-- The slow way to claim a task, for those that share something: a limit of their job type on live leases, or a named
-- resource. Where there is no room the task waits a little, and no attempt is spent.
create or replace function app.claim_within_limits(
    p_task_id text, p_attempt integer, p_worker text, p_lease_token uuid
) returns setof app.task_claim
language plpgsql
set enable_seqscan = off as $$
declare
    v_wanted record;
    v_full boolean := false;
begin
    select j.job_type, j.max_parallel_tasks as places, t.resource into v_wanted
      from app.tasks t join app.jobs j using (job_id)
     where t.task_id = p_task_id and t.status::text = 'queued' and t.attempt = p_attempt - 1
       and t.not_before <= now() and (j.max_parallel_tasks is not null or t.resource is not null);
    if not found then
        return query select * from app.unclaimed(p_task_id, p_attempt);
        return;
    end if;
    if v_wanted.places is not null then
        perform pg_advisory_xact_lock(hashtextextended('limit:' || v_wanted.job_type, 0));
        v_full := v_wanted.places <= (
            select count(*) from app.tasks t join app.jobs j using (job_id)
             where t.status = 'processing' and t.lease_expires_at > now() and j.job_type = v_wanted.job_type);
    end if;
    if not v_full then
        begin
            return query select * from app.claim_task(p_task_id, p_attempt, p_worker, p_lease_token, true);
            return;
        exception when unique_violation then
            null; -- another task holds the resource
        end;
    end if;
    update app.tasks set not_before = now() + interval '1 second' * (1 + random())
     where task_id = p_task_id and status::text = 'queued' and attempt = p_attempt - 1;
    return query select * from app.unclaimed(p_task_id, p_attempt);
end $$;

-- The last task turns out the lights. Must run after the finisher's own commit: then the later of the last two
-- commits sees the other, and somebody gets here. The lock and the compare-and-set make it one.
create or replace function app.close_stage(p_job_id char(64), p_run integer, p_stage integer) returns jsonb
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
begin
    if app.has_unfinished_task(p_job_id, p_run, p_stage) then
        return '[]';
    end if;
    perform pg_advisory_xact_lock(hashtextextended(p_job_id || ':' || p_run || ':' || p_stage, 0));
    update app.stages
       set status = 'closing', last_event = 'last_task_finished', closing_at = now()
     where job_id = p_job_id and run = p_run and stage = p_stage and status = 'open'
       and not app.has_unfinished_task(p_job_id, p_run, p_stage);
    if not found then
        return '[]';
    end if;
    return jsonb_build_array(app.enqueue_job(p_job_id, p_run, p_stage));
end $$;

-- Ends an attempt well, by its lease token only; no row where the lease is lost. The status is compared as text
-- so that only the primary key fits: a partial index on the status is full of dead entries here.
create or replace function app.complete_attempt(
    p_task_id text, p_lease_token uuid, p_result jsonb, p_result_ref text, p_processed_items bigint
) returns table (outcome text, job_id char(64), run integer, stage integer, outbox jsonb)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
    v_task record;
begin
    update app.tasks
       set status = 'completed', last_event = 'completed', result = p_result, result_ref = p_result_ref, error = null,
           processed_items = p_processed_items, progress = 1, finished_at = clock_timestamp(),
           lease_token = null, lease_expires_at = null
     where task_id = p_task_id and lease_token = p_lease_token and status::text = 'processing'
    returning tasks.job_id, tasks.run, tasks.stage, tasks.position into v_task;
    if found then
        return query
        select 'completed', v_task.job_id, v_task.run, v_task.stage,
               app.release_next(v_task.job_id, v_task.run, v_task.stage, v_task.position);
    end if;
end $$;

-- Ends an active run before its time, failed or cancelled: its stage with it, and whatever has not started. What
-- runs learns of it by its heartbeat; a task that somebody else is about to change is left to the sweep. False where
-- the run was over.
create or replace function app.end_run(
    p_job_id char(64), p_run integer, p_status app.job_status, p_error jsonb
) returns boolean
language plpgsql
set enable_seqscan = off as $$
begin
    if not app.finish_job(p_job_id, p_run, p_status, null, null, p_error) then
        return false;
    end if;
    update app.stages
       set status = p_status::text::app.stage_status, last_event = p_status::text,
           ending = true, closed_at = now()
     where job_id = p_job_id and run = p_run and status in ('open', 'closing');
    with waiting as (
        select task_id from app.tasks
         where job_id = p_job_id and run = p_run and status in ('pending', 'queued')
         order by stage, position
           for update skip locked
    )
    update app.tasks t
       set status = case p_status when 'cancelled' then 'cancelled' else 'skipped' end::app.task_status,
           last_event = case p_status when 'cancelled' then 'cancelled' else 'skipped' end,
           finished_at = clock_timestamp()
      from waiting where t.task_id = waiting.task_id;
    return true;
end $$;

-- After a final failure in a stage that fails fast: what has not started is skipped, what runs is told to stop. A task
-- that somebody else is about to change is left to them: waiting for it while they wait for the stage would be a
-- deadlock, and it is skipped at its next claim.
create or replace function app.end_stage_early(p_job_id char(64), p_run integer, p_stage integer) returns void
language plpgsql
set enable_seqscan = off as $$
begin
    update app.stages set ending = true
     where job_id = p_job_id and run = p_run and stage = p_stage
       and status = 'open' and fail_fast and not ending;
    if found then
        with waiting as (
            select task_id from app.tasks
             where job_id = p_job_id and run = p_run and stage = p_stage and status in ('pending', 'queued')
             order by position
               for update skip locked
        )
        update app.tasks t set status = 'skipped', last_event = 'skipped', finished_at = clock_timestamp()
          from waiting where t.task_id = waiting.task_id;
    end if;
end $$;

-- Puts "look at this stage" into the outbox; claimed for the caller, who sends it at once.
create or replace function app.enqueue_job(p_job_id char(64), p_run integer, p_stage integer) returns jsonb
language plpgsql as $$
declare
    v_message app.outbox;
begin
    insert into app.outbox (kind, job_id, run, stage, correlation_id, traceparent, priority, claimed_until)
    select 'job', job_id, p_run, p_stage, correlation_id, traceparent, priority, now() + interval '1 minute'
      from app.jobs where job_id = p_job_id
    returning * into v_message;
    return app.outbox_json(v_message);
end $$;

-- Puts "this attempt may be claimed" into the outbox; claimed for the caller, who sends it at once.
create or replace function app.enqueue_task(p_task_id text) returns jsonb
language plpgsql as $$
declare
    v_message app.outbox;
begin
    insert into app.outbox
        (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority,
         available_at, claimed_until)
    select 'task', t.job_id, t.run, t.stage, t.task_id, t.attempt + 1, j.correlation_id, j.traceparent, j.priority,
           t.not_before, now() + interval '1 minute'
      from app.tasks t join app.jobs j using (job_id)
     where t.task_id = p_task_id
    returning * into v_message;
    return app.outbox_json(v_message);
end $$;

-- Ends an attempt badly, by its lease token only: another attempt where the policy has one left, else the
-- task's final state. No row where the lease is lost. The stage's early end belongs to the same transaction:
-- a process that died between the two would leave held-back tasks that nobody releases. A deferred attempt does not
-- count, nor does one that stopped for a cancellation which a retry of its job has taken back; p_delay is the least
-- that the next one waits.
create or replace function app.fail_attempt(
    p_task_id text, p_lease_token uuid, p_error jsonb, p_error_class text, p_delay interval
) returns table (outcome text, job_id char(64), run integer, stage integer, outbox jsonb)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
    v_task app.tasks;
    v_stage app.stages;
    v_class text := p_error_class;
    v_attempts integer;
begin
    select t.* into v_task from app.tasks t
     where t.task_id = p_task_id and t.lease_token = p_lease_token and t.status::text = 'processing'
       for update;
    if not found then
        return;
    end if;
    select s.* into v_stage from app.stages s
     where s.job_id = v_task.job_id and s.run = v_task.run and s.stage = v_task.stage;

    if v_class = 'cancelled' and v_task.started_at < v_stage.resumed_at then
        v_class := 'deferred';
    end if;
    v_attempts := case v_class
        when 'permanent' then 0
        when 'cancelled' then 0
        when 'deferred' then v_task.max_attempts + 1
        when 'unknown' then least(v_task.max_attempts, v_task.max_attempts - v_stage.max_attempts + 2)
        else v_task.max_attempts
    end;
    if v_task.attempt < v_attempts and v_stage.status = 'open' and not v_stage.ending then
        update app.tasks t
           set status = 'queued', error = p_error, lease_token = null, lease_expires_at = null,
               last_event = case v_class when 'lost' then 'lease_expired' else 'attempt_failed' end,
               max_attempts = t.max_attempts + (v_class = 'deferred')::integer,
               not_before = now() + greatest(p_delay, case when v_class <> 'deferred' or p_delay is null then
                   app.retry_delay(
                       v_stage, v_task.attempt - (v_task.max_attempts - v_stage.max_attempts),
                       v_class = 'throttled') end)
         where t.task_id = p_task_id;
        return query
        select 'retrying', v_task.job_id, v_task.run, v_task.stage,
               jsonb_build_array(app.enqueue_task(p_task_id));
        return;
    end if;

    update app.tasks t
       set status = case v_class when 'cancelled' then 'cancelled' else 'failed' end::app.task_status,
           last_event = case v_class when 'cancelled' then 'cancelled' else 'failed' end,
           error = p_error, lease_token = null, lease_expires_at = null, finished_at = clock_timestamp()
     where t.task_id = p_task_id;
    if v_stage.fail_fast then
        perform app.end_stage_early(v_task.job_id, v_task.run, v_task.stage);
    end if;
    return query
    select case v_class when 'cancelled' then 'cancelled' else 'failed' end,
           v_task.job_id, v_task.run, v_task.stage,
           case when v_stage.fail_fast then '[]'::jsonb
                else app.release_next(v_task.job_id, v_task.run, v_task.stage, v_task.position) end;
end $$;

-- Ends a task, whatever it waits for, that its messages cannot get done: final, by the policy of its stage. For a task
-- that runs, its worker loses the lease. Outcome as of fail_attempt, no row where it was final already.
create or replace function app.fail_unclaimed(p_task_id text, p_error jsonb)
returns table (outcome text, job_id char(64), run integer, stage integer, outbox jsonb)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
    v_stage app.stages;
    v_task app.tasks;
begin
    -- The stage first: when many tasks fail at once, none may hold its own row and wait for another's.
    select s.* into v_stage from app.stages s join app.tasks t using (job_id, run, stage)
     where t.task_id = p_task_id
       for update of s;
    select t.* into v_task from app.tasks t
     where t.task_id = p_task_id and t.status::text in ('pending', 'queued', 'processing')
       for update;
    if not found then
        return;
    end if;
    update app.tasks t
       set status = 'failed', last_event = 'failed', error = p_error, lease_token = null,
           lease_expires_at = null, finished_at = clock_timestamp()
     where t.task_id = p_task_id;
    if v_stage.fail_fast then
        perform app.end_stage_early(v_task.job_id, v_task.run, v_task.stage);
    end if;
    -- One that was held back leaves no place for another.
    return query
    select 'failed', v_task.job_id, v_task.run, v_task.stage,
           case when v_stage.fail_fast or v_task.status = 'pending' then '[]'::jsonb
                else app.release_next(v_task.job_id, v_task.run, v_task.stage, v_task.position) end;
end $$;

-- Ends a run that is still active; with p_unopened only where it has no stage under way. False where it was not.
create or replace function app.finish_job(
    p_job_id char(64), p_run integer, p_status app.job_status, p_result jsonb, p_result_ref text, p_error jsonb,
    p_unopened boolean default false
) returns boolean
language plpgsql as $$
begin
    update app.jobs
       set status = p_status,
           last_event = case p_status when 'completed_with_errors' then 'completed' else p_status::text end,
           result = p_result, result_ref = p_result_ref, error = p_error,
           finished_at = now(), updated_at = now()
     where job_id = p_job_id and run = p_run and status in ('queued', 'processing')
       and (not p_unopened or status = 'queued');
    return found;
end $$;

-- A worker's one call at the end of an attempt: store how it ended, commit, then close the stage if that was
-- its last task. Two transactions in one round trip, because the probe must see what others committed.
create or replace procedure app.finish_task(
    p_task_id text, p_lease_token uuid, p_result jsonb, p_result_ref text, p_processed_items bigint,
    p_error jsonb, p_error_class text, p_delay interval,
    inout outcome text default null, inout outbox jsonb default null
)
language plpgsql as $$
declare
    v_ended record;
begin
    if p_error is null then
        select * into v_ended
          from app.complete_attempt(
              p_task_id, p_lease_token, p_result, p_result_ref, p_processed_items);
    else
        select * into v_ended
          from app.fail_attempt(p_task_id, p_lease_token, p_error, p_error_class, p_delay);
    end if;
    commit;

    outcome := coalesce(v_ended.outcome, 'lost');
    outbox := coalesce(v_ended.outbox, '[]');
    if outcome in ('completed', 'failed', 'cancelled') then
        outbox := outbox || app.close_stage(v_ended.job_id, v_ended.run, v_ended.stage);
    end if;
end $$;

-- Whether a stage has an unfinished task, probed from its end: tasks start in order, so one that is not
-- finished is found there at once, and the cost does not grow with the stage.
create or replace function app.has_unfinished_task(p_job_id char(64), p_run integer, p_stage integer)
returns boolean
language plpgsql volatile as $$
begin
    perform from app.tasks
      where job_id = p_job_id and run = p_run and stage = p_stage
        and status in ('pending', 'queued', 'processing')
      order by position desc limit 1;
    return found;
end $$;

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

-- Whether tasks of a stage may start: the stage is open, and its run goes on.
create or replace function app.may_start(p_job_id char(64), p_run integer, p_stage integer) returns boolean
language sql stable as $$
    select exists (
        select from app.stages s join app.jobs j using (job_id)
         where s.job_id = p_job_id and s.run = p_run and s.stage = p_stage
           and s.status = 'open' and not s.ending and j.run = s.run and j.status = 'processing')
$$;

-- Holds jobs to the table of transitions and writes each move to the audit trail, both in one statement.
create or replace function app.on_job_transition() returns trigger
language plpgsql as $$
begin
    insert into app.job_events (job_id, run, stage, entity, from_status, event, to_status, correlation_id, details)
    select new.job_id, new.run, new.stage, 'job', old.status, new.last_event, new.status, new.correlation_id, new.error
      from app.transitions
     where entity = 'job' and from_status = old.status::text
       and event = new.last_event and to_status = new.status::text;
    if not found then
        perform app.refuse_transition(
            'job', old.status::text, new.last_event, new.status::text, new.job_id::text);
    end if;
    return null;
end $$;

-- Holds stages to the table of transitions and writes each move to the audit trail, both in one statement.
create or replace function app.on_stage_transition() returns trigger
language plpgsql as $$
begin
    insert into app.job_events (job_id, run, stage, entity, from_status, event, to_status, correlation_id)
    select new.job_id, new.run, new.stage, 'stage', old.status, new.last_event, new.status, new.correlation_id
      from app.transitions
     where entity = 'stage' and from_status = old.status::text
       and event = new.last_event and to_status = new.status::text;
    if not found then
        perform app.refuse_transition(
            'stage', old.status::text, new.last_event, new.status::text,
            format('%s run %s stage %s', new.job_id, new.run, new.stage));
    end if;
    return null;
end $$;

-- Holds tasks to the table of transitions and writes each move, with an attempt's error, to the audit trail;
-- both in one statement, as this runs three times for each task.
create or replace function app.on_task_transition() returns trigger
language plpgsql as $$
begin
    insert into app.job_events
        (job_id, run, stage, task_id, attempt, entity, from_status, event, to_status, correlation_id,
         details)
    select new.job_id, new.run, new.stage, new.task_id, new.attempt, 'task',
           old.status, new.last_event, new.status, new.correlation_id,
           case when new.last_event in ('failed', 'attempt_failed', 'lease_expired') then new.error end
      from app.transitions
     where entity = 'task' and from_status = old.status::text
       and event = new.last_event and to_status = new.status::text;
    if not found then
        perform app.refuse_transition(
            'task', old.status::text, new.last_event, new.status::text, new.task_id);
    end if;
    return null;
end $$;

-- Opens a stage whole: its row, all its tasks, and the messages of those that may start. False where the
-- stage is there already or the run is not active. A stage without tasks starts out closing. Tasks of a job of low
-- priority get a quarter of the stage's window.
create or replace function app.open_stage(
    p_job_id char(64), p_run integer, p_stage integer, p_task_type text,
    p_task_ids text[], p_indexes text[], p_parameters text[], p_parameters_refs text[], p_resources text[],
    p_max_parallel_tasks integer, p_fail_fast boolean, p_min_success_rate double precision,
    p_max_attempts integer, p_retry_base interval, p_retry_factor double precision,
    p_retry_cap interval, p_retry_jitter double precision,
    p_lease interval, p_task_timeout interval, p_stage_timeout interval
) returns boolean
language plpgsql as $$
declare
    v_expected integer := cardinality(p_task_ids);
    v_priority smallint;
    v_window integer;
    v_correlation_id text;
begin
    update app.jobs
       set status = 'processing', last_event = 'started', stage = p_stage,
           started_at = coalesce(started_at, now()), updated_at = now()
     where job_id = p_job_id and run = p_run and status in ('queued', 'processing') and stage <= p_stage
    returning priority, correlation_id into v_priority, v_correlation_id;
    if not found then
        return false;
    end if;

    v_window := case v_priority when 2 then greatest(1, p_max_parallel_tasks / 4) else p_max_parallel_tasks end;
    insert into app.stages
        (job_id, run, stage, status, task_type, correlation_id, expected, max_parallel_tasks, fail_fast, min_success_rate,
         max_attempts, retry_base, retry_factor, retry_cap, retry_jitter, lease, task_timeout,
         timeout, deadline, closing_at)
    values
        (p_job_id, p_run, p_stage, case when v_expected = 0 then 'closing' else 'open' end::app.stage_status,
         p_task_type, v_correlation_id, v_expected, v_window, p_fail_fast, p_min_success_rate,
         p_max_attempts, p_retry_base, p_retry_factor, p_retry_cap, p_retry_jitter, p_lease, p_task_timeout,
         p_stage_timeout, now() + p_stage_timeout, case when v_expected = 0 then now() end)
    on conflict do nothing;
    if not found then
        return false;
    end if;
    insert into app.job_events (job_id, run, stage, entity, event, to_status, correlation_id, details)
    values (p_job_id, p_run, p_stage, 'stage', 'opened',
            case when v_expected = 0 then 'closing' else 'open' end, v_correlation_id,
            jsonb_build_object('task_type', p_task_type, 'expected', v_expected));

    insert into app.tasks
        (task_id, job_id, run, stage, task_index, position, task_type, correlation_id, status, parameters,
         parameters_ref, resource, max_attempts)
    select t.task_id, p_job_id, p_run, p_stage, t.task_index, t.ord - 1, p_task_type, v_correlation_id,
           case when t.ord <= v_window then 'queued' else 'pending' end::app.task_status,
           t.parameters::jsonb, t.parameters_ref, t.resource, p_max_attempts
      from unnest(p_task_ids, p_indexes, p_parameters, p_parameters_refs, p_resources) with ordinality
           as t (task_id, task_index, parameters, parameters_ref, resource, ord);

    insert into app.outbox (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority)
    select 'task', p_job_id, p_run, p_stage, t.task_id, 1, j.correlation_id, j.traceparent, j.priority
      from app.jobs j,
           unnest(p_task_ids[:v_window]) with ordinality as t (task_id, ord)
     where j.job_id = p_job_id
     order by t.ord;
    if v_expected = 0 then
        perform app.enqueue_job(p_job_id, p_run, p_stage);
        update app.outbox set claimed_until = null
         where job_id = p_job_id and run = p_run and stage = p_stage;
    end if;
    return true;
end $$;

-- An outbox row as the relay sends it; the delay is what is left of it now, in seconds.
create or replace function app.outbox_json(o app.outbox) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'outbox_id', o.outbox_id, 'kind', o.kind, 'job_id', o.job_id, 'run', o.run, 'stage', o.stage,
        'task_id', o.task_id, 'attempt', o.attempt, 'correlation_id', o.correlation_id,
        'traceparent', o.traceparent, 'priority', o.priority,
        'delay_seconds', greatest(0, extract(epoch from o.available_at - now())))
$$;

-- Raises the error of a move that the table of transitions does not have (SQLSTATE GJ001).
create or replace function app.refuse_transition(
    p_entity text, p_from text, p_event text, p_to text, p_subject text
) returns void
language plpgsql immutable as $$
begin
    raise exception '% %: % -> % by % is not allowed', p_entity, p_subject, p_from, p_to, p_event
        using errcode = 'GJ001';
end $$;

-- Queues the next held-back task of a stage. Tasks are released in order, so the next one stands behind the
-- one that just finished; starting there keeps the scan away from the dead entries of those before. Called by
-- functions that have the planner keep to the indexes, whatever the statistics of a new table say.
create or replace function app.release_next(
    p_job_id char(64), p_run integer, p_stage integer, p_position integer
) returns jsonb
language plpgsql as $$
declare
    v_task_id text;
begin
    update app.tasks
       set status = 'queued', last_event = 'released', not_before = now()
     where task_id = (
        select task_id from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage
           and status = 'pending' and position > p_position
         order by position limit 1
         for update skip locked)
    returning task_id into v_task_id;
    if v_task_id is null then
        return '[]';
    end if;
    return jsonb_build_array(app.enqueue_task(v_task_id));
end $$;

-- Runs a closing stage again: the tasks that did not complete, or all of them where all did. False where it was not
-- closing, or was opened again since the caller looked at it.
create or replace function app.reopen_stage(
    p_job_id char(64), p_run integer, p_stage integer, p_round integer
) returns boolean
language plpgsql
set enable_seqscan = off as $$
begin
    perform from app.jobs where job_id = p_job_id for update;
    perform pg_advisory_xact_lock(hashtextextended(p_job_id || ':' || p_run || ':' || p_stage, 0));
    update app.stages
       set status = 'open', last_event = 'retried', ending = false, retries = retries + 1,
           round = round + 1, closing_at = null, nudged_at = null, deadline = now() + timeout
     where job_id = p_job_id and run = p_run and stage = p_stage and round = p_round
       and status = 'closing';
    if not found then
        return false;
    end if;
    perform app.requeue_tasks(p_job_id, p_run, p_stage, not exists (
        select from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage and status <> 'completed'));
    -- A stage of no tasks closes again at once; its message is left to the relay.
    perform app.close_stage(p_job_id, p_run, p_stage);
    update app.outbox set claimed_until = null
     where job_id = p_job_id and run = p_run and stage = p_stage and kind = 'job';
    return true;
end $$;

-- Fails the runs whose own deadline has passed, or that of their stage.
create or replace function app.repair_deadlines(p_limit integer) returns integer
language plpgsql as $$
declare
    v_late record;
    v_repairs integer := 0;
begin
    for v_late in
        select j.job_id, j.run, j.stage, j.deadline <= now() as whole_job
          from app.jobs j
          left join app.stages s
            on s.job_id = j.job_id and s.run = j.run and s.stage = j.stage and s.status in ('open', 'closing')
         where j.status in ('queued', 'processing') and (j.deadline <= now() or s.deadline <= now())
         order by j.job_id limit p_limit
           for update of j skip locked
    loop
        if app.end_run(v_late.job_id, v_late.run, 'failed', jsonb_build_object(
            'code', case when v_late.whole_job then 'JOB_TIMED_OUT' else 'STAGE_TIMED_OUT' end,
            'message', case when v_late.whole_job then 'the job reached its deadline'
                            else format('stage %s reached its deadline', v_late.stage) end,
            'stage', v_late.stage))
        then
            v_repairs := v_repairs + 1;
        end if;
    end loop;
    return v_repairs;
end $$;

-- Ends tasks that still wait in a run that is over: they would never be claimed.
create or replace function app.repair_ended_runs(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_repairs integer;
begin
    with left_behind as (
        select t.task_id from app.tasks t join app.jobs j using (job_id)
         where t.status in ('pending', 'queued')
           and (j.run <> t.run or j.status not in ('queued', 'processing'))
         limit p_limit
           for update of t skip locked
    )
    update app.tasks t
       set status = 'cancelled', last_event = 'cancelled', finished_at = clock_timestamp()
      from left_behind where t.task_id = left_behind.task_id;
    get diagnostics v_repairs = row_count;
    return v_repairs;
end $$;

-- Finishes, as lost attempts, tasks whose worker has not been heard of for its lease. Stage by stage in one order, so
-- that two passes at once do not wait for each other; a task that cannot be repaired does not keep the others from it.
create or replace function app.repair_expired_leases(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_task record;
    v_queued bigint[] := '{}';
    v_repairs integer := 0;
begin
    for v_task in
        select * from (
            select t.task_id, t.lease_token, t.attempt, t.job_id, t.run, t.stage, t.position from app.tasks t
             where t.status = 'processing' and t.lease_expires_at < now()
             order by t.lease_expires_at limit p_limit
               for update skip locked) expired
         order by job_id, run, stage, position
    loop
        begin
            v_queued := v_queued || array(
                select (message ->> 'outbox_id')::bigint
                  from app.fail_attempt(
                      v_task.task_id, v_task.lease_token,
                      jsonb_build_object(
                          'code', 'LEASE_EXPIRED', 'error_class', 'lost',
                          'message', format('attempt %s was not heard of for its lease', v_task.attempt)),
                      'lost', null) ended
                 cross join lateral jsonb_array_elements(ended.outbox) message);
            v_repairs := v_repairs + 1;
        exception when raise_exception or integrity_constraint_violation or data_exception then
            raise warning 'the lease of % could not be repaired: %', v_task.task_id, sqlerrm;
        end;
    end loop;
    -- This pass sends nothing itself: what it queued is left to the relay.
    update app.outbox set claimed_until = null where outbox_id = any(v_queued);
    return v_repairs;
end $$;

-- Releases tasks that are held back though their stage's window has room: the window is what is queued or runs now,
-- counted anew, so that nothing can leak from it.
create or replace function app.repair_held_back(p_limit integer) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_stage record;
    v_task record;
    v_room integer;
    v_queued bigint[] := '{}';
    v_repairs integer := 0;
begin
    for v_stage in
        select s.job_id, s.run, s.stage, s.max_parallel_tasks
          from app.stages s
          cross join lateral (
              select count(*) filter (where t.status in ('queued', 'processing')) as tasks,
                     count(*) filter (where t.status = 'pending') as pending
                from app.tasks t
               where t.job_id = s.job_id and t.run = s.run and t.stage = s.stage
                 and t.status in ('pending', 'queued', 'processing')) live
         where s.status = 'open' and not s.ending
           and live.pending > 0 and live.tasks < s.max_parallel_tasks
         order by s.opened_at limit p_limit
           for no key update of s skip locked
    loop
        -- Once more under the stage's lock: of two passes at once, one may have filled it.
        select v_stage.max_parallel_tasks - count(*) into v_room from app.tasks t
         where t.job_id = v_stage.job_id and t.run = v_stage.run and t.stage = v_stage.stage
           and t.status in ('queued', 'processing');
        for v_task in
            select t.task_id from app.tasks t
             where t.job_id = v_stage.job_id and t.run = v_stage.run and t.stage = v_stage.stage
               and t.status = 'pending'
             order by t.position limit greatest(0, least(v_room, p_limit - v_repairs))
               for update skip locked
        loop
            update app.tasks set status = 'queued', last_event = 'released', not_before = now()
             where task_id = v_task.task_id;
            v_queued := v_queued || (app.enqueue_task(v_task.task_id) ->> 'outbox_id')::bigint;
            v_repairs := v_repairs + 1;
        end loop;
        exit when v_repairs >= p_limit;
    end loop;
    -- This pass sends nothing itself: what it queued is left to the relay.
    update app.outbox set claimed_until = null where outbox_id = any(v_queued);
    return v_repairs;
end $$;

-- Wakes the orchestrator again for jobs with neither an open stage nor a message on its way.
create or replace function app.repair_stalled_jobs(p_limit integer, p_age interval) returns integer
language plpgsql as $$
declare
    v_repairs integer;
begin
    with stalled as (
        select j.job_id from app.jobs j
         where j.status in ('queued', 'processing') and j.updated_at < now() - p_age
           and (j.nudged_at is null or j.nudged_at < now() - p_age)
           and not exists (
               select from app.stages s
                where s.job_id = j.job_id and s.run = j.run
                  and (s.status = 'open' or s.status = 'closing' and s.closing_at > now() - p_age))
           and not exists (select from app.outbox o where o.job_id = j.job_id and o.kind = 'job')
         order by j.updated_at limit p_limit
           for update skip locked
    ), nudged as (
        update app.jobs j set nudged_at = now() from stalled where j.job_id = stalled.job_id
        returning j.job_id, j.run, j.stage, j.correlation_id, j.traceparent, j.priority
    )
    insert into app.outbox (kind, job_id, run, stage, correlation_id, traceparent, priority)
    select 'job', job_id, run, stage, correlation_id, traceparent, priority from nudged;
    get diagnostics v_repairs = row_count;
    return v_repairs;
end $$;

-- Sends the message of a queued task again that nobody claimed for p_age, then after twice as long each time, as most
-- of them only wait for a worker; but at least once in twelve times p_age, as that message may be lost too.
create or replace function app.repair_unclaimed_tasks(p_limit integer, p_age interval) returns integer
language plpgsql
set enable_seqscan = off as $$
declare
    v_repairs integer;
begin
    with late as (
        select t.task_id from app.tasks t
         where t.status = 'queued' and t.not_before < now() - p_age
           and (t.nudged_at is null or t.nudged_at < now()
                - least(p_age * 12, greatest(p_age, t.nudged_at - t.not_before)))
           and not exists (
               select from app.outbox o
                where o.job_id = t.job_id and o.run = t.run and o.stage = t.stage and o.task_id = t.task_id)
         order by t.not_before limit p_limit
           for update skip locked
    ), nudged as (
        update app.tasks t set nudged_at = now() from late where t.task_id = late.task_id
        returning t.task_id, t.job_id, t.run, t.stage, t.attempt
    )
    insert into app.outbox (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority)
    select 'task', n.job_id, n.run, n.stage, n.task_id, n.attempt + 1, j.correlation_id, j.traceparent, j.priority
      from nudged n join app.jobs j using (job_id);
    get diagnostics v_repairs = row_count;
    return v_repairs;
end $$;

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

-- Puts the tasks of a reopened stage back to where they start: those that did not complete, or all. What still
-- runs is left alone, and takes its places of the stage's window. Attempts count on, so that no message of before
-- fits; each task gets the policy's attempts anew.
create or replace function app.requeue_tasks(p_job_id char(64), p_run integer, p_stage integer, p_all boolean)
returns void
language plpgsql
set enable_seqscan = off as $$
declare
    v_stage app.stages;
    v_running integer;
begin
    select * into v_stage from app.stages where job_id = p_job_id and run = p_run and stage = p_stage;
    select count(*) into v_running from app.tasks
     where job_id = p_job_id and run = p_run and stage = p_stage and status in ('queued', 'processing');

    with again as (
        select task_id, row_number() over (order by position) as place from app.tasks
         where job_id = p_job_id and run = p_run and stage = p_stage
           and (status in ('failed', 'skipped', 'cancelled') or p_all and status = 'completed')
    ), requeued as (
        update app.tasks t
           set status = case when again.place <= v_stage.max_parallel_tasks - v_running then 'queued'
                             else 'pending' end::app.task_status,
               last_event = 'stage_retried', result = null, result_ref = null, error = null,
               started_at = null, finished_at = null, progress = null, processed_items = null,
               correlation_id = v_stage.correlation_id,
               max_attempts = t.attempt + v_stage.max_attempts, not_before = now(), nudged_at = null
          from again where t.task_id = again.task_id
        returning t.task_id, t.attempt, t.position, t.status
    )
    insert into app.outbox
        (kind, job_id, run, stage, task_id, attempt, correlation_id, traceparent, priority)
    select 'task', p_job_id, p_run, p_stage, r.task_id, r.attempt + 1,
           j.correlation_id, j.traceparent, j.priority
      from requeued r, app.jobs j
     where j.job_id = p_job_id and r.status = 'queued'
     order by r.position;
end $$;

-- Starts the next run of a finished job from its first stage; what earlier runs did stays on record. One row:
-- 'rerun', or 'active' where a run is under way; none for an unknown job.
create or replace function app.rerun_job(p_job_id char(64), p_correlation_id text)
returns table (outcome text, job jsonb, outbox jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
begin
    update app.jobs
       set status = 'queued', last_event = 'rerun', run = run + 1, stage = 1, result = null, result_ref = null,
           error = null, started_at = null, finished_at = null, nudged_at = null, updated_at = now(),
           deadline = now() + timeout, correlation_id = p_correlation_id
     where job_id = p_job_id and status not in ('queued', 'processing')
    returning * into v_job;
    if found then
        return query
        select 'rerun', to_jsonb(v_job), jsonb_build_array(app.enqueue_job(p_job_id, v_job.run, 1));
    else
        return query select 'active', to_jsonb(j), '[]'::jsonb from app.jobs j where j.job_id = p_job_id;
    end if;
end $$;

-- Takes a stopped stage up again. True where tasks of it have something to do; where all that was wanted is done
-- already it is 'closing' again, and false says that its job must be woken to decide anew.
create or replace function app.resume_stage(p_job_id char(64), p_run integer, p_stage integer) returns boolean
language plpgsql
set enable_seqscan = off as $$
declare
    v_unfinished boolean;
begin
    perform from app.stages where job_id = p_job_id and run = p_run and stage = p_stage for update;
    if not found then
        return false;
    end if;
    select coalesce(bool_or(status <> 'completed'), false) into v_unfinished
      from app.tasks where job_id = p_job_id and run = p_run and stage = p_stage;
    update app.stages
       set status = case when v_unfinished then 'open' else 'closing' end::app.stage_status,
           last_event = 'retried', ending = false, retries = 0, round = round + 1, result = null, result_ref = null,
           completed = 0, failed = 0, closed_at = null, nudged_at = null,
           closing_at = case when v_unfinished then null else now() end,
           resumed_at = now(), deadline = now() + timeout,
           correlation_id = (select j.correlation_id from app.jobs j where j.job_id = p_job_id)
     where job_id = p_job_id and run = p_run and stage = p_stage;
    if v_unfinished then
        perform app.requeue_tasks(p_job_id, p_run, p_stage, false);
    end if;
    return v_unfinished;
end $$;

-- How long the attempt after this one waits: exponential, capped, less a random share of it.
create or replace function app.retry_delay(p_stage app.stages, p_attempt integer, p_throttled boolean)
returns interval
language sql volatile as $$
    select least(
        p_stage.retry_cap,
        p_stage.retry_base
            * least(power(p_stage.retry_factor, p_attempt - 1 + p_throttled::integer), 1e9)
    ) * (1 - p_stage.retry_jitter * random())
$$;

-- Resumes a failed or cancelled job at the stage where it stopped: there, only what failed or never started runs.
-- One row: 'retried', or 'refused' in any other state; none for an unknown job.
create or replace function app.retry_job(p_job_id char(64), p_correlation_id text)
returns table (outcome text, job jsonb, outbox jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
    v_outbox jsonb := '[]';
begin
    select * into v_job from app.jobs where job_id = p_job_id for update;
    if not found then
        return;
    end if;
    if v_job.status not in ('failed', 'cancelled') then
        return query select 'refused', to_jsonb(v_job), v_outbox;
        return;
    end if;
    update app.jobs
       set status = case when exists (
               select from app.stages where job_id = p_job_id and run = v_job.run and stage = v_job.stage)
               then 'processing' else 'queued' end::app.job_status,
           last_event = 'retried', result = null, result_ref = null, error = null, finished_at = null,
           nudged_at = null, updated_at = now(), deadline = now() + timeout,
           correlation_id = p_correlation_id
     where job_id = p_job_id
    returning * into v_job;
    if not app.resume_stage(p_job_id, v_job.run, v_job.stage) then
        v_outbox := jsonb_build_array(app.enqueue_job(p_job_id, v_job.run, v_job.stage));
    end if;
    return query select 'retried', to_jsonb(v_job), v_outbox;
end $$;

-- Makes a closing stage final, with its result; false where it was not closing, or was opened again since the caller
-- looked at it.
create or replace function app.settle_stage(
    p_job_id char(64), p_run integer, p_stage integer, p_round integer, p_status app.stage_status,
    p_completed integer, p_failed integer, p_result jsonb, p_result_ref text
) returns boolean
language plpgsql as $$
begin
    -- Whoever needs both rows takes the job's first: cancel and settle must not wait for each other.
    perform from app.jobs where job_id = p_job_id for update;
    update app.stages
       set status = p_status, last_event = 'settled', completed = p_completed, failed = p_failed,
           result = p_result, result_ref = p_result_ref, closed_at = now()
     where job_id = p_job_id and run = p_run and stage = p_stage and round = p_round
       and status = 'closing';
    return found;
end $$;

-- Inserts a job unless it exists. A new one comes with the message that has its first stage planned.
create or replace function app.submit_job(
    p_job_id char(64), p_job_type text, p_parameters jsonb, p_total_stages integer,
    p_correlation_id text, p_traceparent text, p_submitted_by text,
    p_priority smallint, p_max_parallel_tasks integer, p_timeout interval
) returns table (created boolean, job jsonb, outbox jsonb)
language plpgsql as $$
declare
    v_job app.jobs;
begin
    insert into app.jobs
        (job_id, job_type, parameters, total_stages, correlation_id, traceparent, submitted_by,
         priority, max_parallel_tasks, timeout, deadline)
    values
        (p_job_id, p_job_type, p_parameters, p_total_stages, p_correlation_id, p_traceparent, p_submitted_by,
         p_priority, p_max_parallel_tasks, p_timeout, now() + p_timeout)
    on conflict (job_id) do nothing
    returning * into v_job;
    if found then
        insert into app.job_events (job_id, run, entity, event, to_status, correlation_id)
        values (p_job_id, 1, 'job', 'submitted', 'queued', p_correlation_id);
        return query select true, to_jsonb(v_job), jsonb_build_array(app.enqueue_job(p_job_id, 1, 1));
    else
        return query select false, to_jsonb(j), '[]'::jsonb from app.jobs j where j.job_id = p_job_id;
    end if;
end $$;

-- Why a task could not be claimed; mends what the message would otherwise leave behind: a task that may not start any
-- more is skipped, one that may not start yet gets a later message.
create or replace function app.unclaimed(p_task_id text, p_attempt integer) returns app.task_claim
language plpgsql
set enable_seqscan = off as $$
declare
    v_task app.tasks;
    v_claim app.task_claim;
begin
    select * into v_task from app.tasks where task_id = p_task_id for update;
    v_claim.task_id := p_task_id;
    if not found then
        v_claim.outcome := 'unknown';
        return v_claim;
    end if;
    v_claim.job_id := v_task.job_id;
    v_claim.run := v_task.run;
    v_claim.stage := v_task.stage;
    if v_task.status not in ('pending', 'queued', 'processing') then
        v_claim.outcome := 'final';
    elsif v_task.status <> 'queued' or v_task.attempt <> p_attempt - 1 then
        v_claim.outcome := 'stale';
    elsif app.may_start(v_task.job_id, v_task.run, v_task.stage) then
        -- Early by the clocks' difference, or claimable only now: either way a later message must come.
        perform app.enqueue_task(p_task_id);
        update app.outbox set claimed_until = null where job_id = v_task.job_id and task_id = p_task_id;
        v_claim.outcome := 'not_due';
    else
        update app.tasks set status = 'skipped', last_event = 'skipped', finished_at = clock_timestamp()
         where task_id = p_task_id;
        v_claim.outcome := 'skipped';
    end if;
    return v_claim;
end $$;
