-- The protocol's statements: each a call of one function or a single statement.

-- name: submit_job
select created, job, outbox
  from app.submit_job(%(job_id)s, %(job_type)s, %(parameters)s, %(total_stages)s,
                      %(correlation_id)s, %(traceparent)s, %(submitted_by)s,
                      %(priority)s::smallint, %(max_parallel_tasks)s, %(timeout)s);

-- name: get_job
select * from app.jobs where job_id = %(job_id)s;

-- name: finish_job
select app.finish_job(%(job_id)s, %(run)s, %(status)s, %(result)s, %(result_ref)s, %(error)s,
                      %(unopened)s) as done;

-- name: end_run
select app.end_run(%(job_id)s, %(run)s, 'failed', %(error)s) as done;

-- name: cancel_job
select outcome, job from app.cancel_job(%(job_id)s, %(reason)s, %(actor)s);

-- name: retry_job
select outcome, job, outbox from app.retry_job(%(job_id)s, %(correlation_id)s, %(actor)s);

-- name: rerun_job
select outcome, job, outbox from app.rerun_job(%(job_id)s, %(correlation_id)s, %(actor)s);

-- name: get_stage
select * from app.stages where job_id = %(job_id)s and run = %(run)s and stage = %(stage)s;

-- name: list_stages
select * from app.stages where job_id = %(job_id)s and run = %(run)s order by stage;

-- name: stage_summaries
-- A stage gets its deadline whenever it is opened, at first and again.
select s.stage, s.status, s.task_type, s.expected, s.opened_at, r.round_began_at, s.resumed_at, s.closed_at,
       c.completed, c.failed, c.running, c.ended_lately,
       case when s.result is not null then s.result #- '{orchestration,items}' || jsonb_build_object(
           'task_results', jsonb_path_query_array(s.result, '$.task_results[0 to 99]')) end as result
  from app.stages s
  cross join lateral (select coalesce(s.deadline - s.timeout, s.opened_at)) as r (round_began_at)
  left join lateral (
      select count(*) filter (where t.status = 'completed') as completed,
             count(*) filter (where t.status in ('failed', 'skipped', 'cancelled')) as failed,
             count(*) filter (where t.status = 'processing') as running,
             count(*) filter (where t.finished_at >= r.round_began_at) as ended_lately
        from app.tasks t
       where s.result is null and t.job_id = s.job_id and t.run = s.run and t.stage = s.stage
      having s.result is null
      union all
      select s.completed, s.failed, 0, 0 where s.result is not null
  ) c on true
 where s.job_id = %(job_id)s and s.run = %(run)s
 order by s.stage;

-- name: open_stage
select app.open_stage(
    %(job_id)s, %(run)s, %(stage)s, %(task_type)s, %(task_ids)s, %(indexes)s, %(parameters)s,
    %(parameters_refs)s, %(resources)s, %(max_parallel_tasks)s, %(fail_fast)s, %(min_success_rate)s, %(max_attempts)s, %(retry_base)s,
    %(retry_factor)s, %(retry_cap)s, %(retry_jitter)s, %(lease)s, %(task_timeout)s, %(stage_timeout)s,
    %(task_types)s) as done;

-- name: close_stage
select app.close_stage(%(job_id)s, %(run)s, %(stage)s) as outbox;

-- name: settle_stage
select app.settle_stage(%(job_id)s, %(run)s, %(stage)s, %(round)s, %(status)s, %(completed)s, %(failed)s,
                        %(result)s, %(result_ref)s) as done;

-- name: reopen_stage
select app.reopen_stage(%(job_id)s, %(run)s, %(stage)s, %(round)s) as done;

-- name: tasks_from
-- Positions have no gaps, so a page is a range of them.
select * from app.tasks
 where job_id = %(job_id)s and run = %(run)s and stage = %(stage)s
   and position >= %(first)s and position < %(first)s + %(limit)s
 order by position;

-- name: claim_task
select * from app.claim_task(%(task_id)s, %(attempt)s, %(worker)s, %(lease_token)s);

-- name: finish_task
call app.finish_task(%(task_id)s, %(lease_token)s, %(result)s, %(result_ref)s, %(processed_items)s,
                     %(error)s, %(error_class)s, %(delay)s);

-- name: fail_task
select outcome, outbox from app.fail_unclaimed(%(task_id)s, %(error)s);

-- name: heartbeat
select lease_token, stop from app.heartbeat(%(task_ids)s, %(lease_tokens)s, %(progress)s);

-- name: get_task
select * from app.tasks where task_id = %(task_id)s;

-- name: find_task
select * from app.tasks
 where job_id = %(job_id)s and run = %(run)s and stage = %(stage)s and task_index = %(task_index)s;

-- name: claim_outbox
select app.claim_outbox(%(limit)s) as message;

-- name: delete_outbox
delete from app.outbox where outbox_id = any(%(outbox_ids)s);

-- name: begin_sweep
insert into app.sweeps default values returning sweep_id;

-- name: end_sweep
update app.sweeps set finished_at = clock_timestamp(), repairs = %(repairs)s, error = %(error)s
 where sweep_id = %(sweep_id)s;

-- name: repair_expired_leases
select app.repair_expired_leases(%(limit)s) as repairs;

-- name: repair_unclosed_stages
select app.repair_unclosed_stages(%(limit)s) as repairs;

-- name: repair_unclaimed_tasks
select app.repair_unclaimed_tasks(%(limit)s, %(age)s) as repairs;

-- name: repair_stalled_jobs
select app.repair_stalled_jobs(%(limit)s, %(age)s) as repairs;

-- name: repair_deadlines
select app.repair_deadlines(%(limit)s) as repairs;

-- name: repair_ended_runs
select app.repair_ended_runs(%(limit)s) as repairs;

-- name: repair_held_back
select app.repair_held_back(%(limit)s) as repairs;
