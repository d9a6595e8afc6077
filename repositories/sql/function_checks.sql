-- How the database's functions are compared with their files, and tried out.

-- name: begin
set local statement_timeout = '10s';
set local lock_timeout = '2s';
set local check_function_bodies = off;

-- name: definition_in_file
-- The definition leaves out the name with its schema, which alone differs from the one in app.
select pg_get_function_arguments(p.oid) || coalesce(' -> ' || pg_get_function_result(p.oid), '') as signature,
       regexp_replace(pg_get_functiondef(p.oid), '^[^(]*', '') as definition
  from pg_proc p
 where p.pronamespace = pg_my_temp_schema() and p.proname = %(name)s;

-- name: definitions_in_app
select p.oid::bigint as oid,
       pg_get_function_arguments(p.oid) || coalesce(' -> ' || pg_get_function_result(p.oid), '') as signature,
       regexp_replace(pg_get_functiondef(p.oid), '^[^(]*', '') as definition
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 where n.nspname = 'app' and p.proname = %(name)s
 order by p.oid;

-- name: all_in_app
select p.proname as name, case p.prokind when 'p' then 'procedure' else 'function' end as kind,
       pg_get_function_arguments(p.oid) || coalesce(' -> ' || pg_get_function_result(p.oid), '') as signature
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 where n.nspname = 'app'
 order by p.proname, p.oid;

-- name: arguments
select a.name, format_type(a.type, null) as type, t.typtype::text as kind
  from pg_proc p
  cross join lateral unnest(p.proargnames, p.proargtypes::oid[]) with ordinality as a (name, type, ord)
  join pg_type t on t.oid = a.type
 where p.oid = %(oid)s and (p.proargmodes is null or p.proargmodes[a.ord] = 'i')
 order by a.ord;

-- name: triggers
select c.relname as table, t.tgname as trigger, t.tgenabled <> 'D' as enabled
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
 where t.tgfoid = %(oid)s and not t.tgisinternal
 order by c.relname, t.tgname;

-- name: seed_job
select app.submit_job(%(p_job_id)s, 'function_check', '{}', 1, 'function_check', null, null,
                      1::smallint, null, '1 day');

-- name: seed_stage
select app.open_stage(
    %(p_job_id)s, 1, 1, 'function_check', %(p_task_ids)s, '{0,1}', '{"{}","{}"}', '{null,null}', '{null,null}',
    1, false, 0,
    3, '1 s', 2, '1 min', 0, '1 min', '1 min', '1 h');

-- name: seed_claim
select app.claim_task(%(p_task_id)s, 1, 'function_check', %(p_lease_token)s);
