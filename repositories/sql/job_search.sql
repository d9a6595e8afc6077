-- Finds jobs by several facts at once. Read only and bounded.

-- name: search
select job_id, job_type, status, stage, total_stages, error, created_at, started_at, finished_at, updated_at
  from app.jobs
 where (%(statuses)s::app.job_status[] is null or status = any(%(statuses)s))
   and (%(job_types)s::text[] is null or job_type = any(%(job_types)s))
   and (%(created_from)s::timestamptz is null or created_at >= %(created_from)s)
   and (%(created_until)s::timestamptz is null or created_at <= %(created_until)s)
   and (%(min_seconds)s::bigint is null
        or coalesce(finished_at, now()) - started_at >= %(min_seconds)s * interval '1 second')
   and (%(max_seconds)s::bigint is null
        or coalesce(finished_at, now()) - started_at <= %(max_seconds)s * interval '1 second')
   and (%(before_at)s::timestamptz is null
        or created_at <= %(before_at)s and (created_at < %(before_at)s or job_id > %(before_id)s))
 order by created_at desc, job_id
 limit %(limit)s + 1;
