-- Messages nobody could use.

-- name: record_dead_letter
insert into app.dead_letters
    (queue, message_id, body, digest, size, dequeue_count, error_code, error, job_id, task_id, correlation_id)
values
    (%(queue)s, %(message_id)s, %(body)s, %(digest)s, %(size)s, %(dequeue_count)s, %(error_code)s, %(error)s,
     %(job_id)s, %(task_id)s, %(correlation_id)s)
on conflict (queue, message_id) do update
   set dequeue_count = excluded.dequeue_count, last_seen_at = now(),
       error_code = excluded.error_code, error = excluded.error;

-- name: judge_dead_letter
with known as (
    update app.dead_letters
       set verdict = %(verdict)s, judged_at = now(), last_seen_at = now(),
           dequeue_count = greatest(dequeue_count, %(dequeue_count)s)
     where dead_letter_id = (
        select dead_letter_id from app.dead_letters
         where digest = %(digest)s and queue = %(queue)s and verdict is null
         order by dead_letter_id desc limit 1)
    returning dead_letter_id
)
insert into app.dead_letters
    (queue, message_id, body, digest, size, dequeue_count, error_code, error, job_id, task_id, correlation_id,
     verdict, judged_at)
select %(queue)s, %(message_id)s, %(body)s, %(digest)s, %(size)s, %(dequeue_count)s, %(error_code)s, %(error)s,
       %(job_id)s, %(task_id)s, %(correlation_id)s, %(verdict)s, now()
 where not exists (select from known)
on conflict (queue, message_id) do update set judged_at = now(), last_seen_at = now();

-- name: list_dead_letters
select * from app.dead_letters
 where %(before)s::bigint is null or dead_letter_id < %(before)s
 order by dead_letter_id desc limit %(limit)s;

-- name: get_dead_letter
select * from app.dead_letters where dead_letter_id = %(dead_letter_id)s;

-- name: mark_replayed
update app.dead_letters set replayed_at = now() where dead_letter_id = %(dead_letter_id)s;

-- name: mark_disposed
update app.dead_letters set disposed_at = now() where dead_letter_id = %(dead_letter_id)s;
