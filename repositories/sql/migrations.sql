-- What the migration runner asks of the database.

-- name: lock
select pg_advisory_xact_lock(hashtextextended('geojobs:migrate', 0));

-- name: has_schema
select to_regclass('app.schema_migrations') is not null as present;

-- name: newest_migration
select max(version) as version from app.schema_migrations;

-- name: applied_migrations
select version, checksum from app.schema_migrations;

-- name: record_migration
insert into app.schema_migrations (version, name, checksum) values (%(version)s, %(name)s, %(checksum)s);

-- name: allow_any_order
-- Functions call each other, and their files are applied by name: bodies are checked when they run.
set local check_function_bodies = off;

-- name: may_read
-- Whether the role has all that it is given below; no row without the role.
select has_schema_privilege(r.oid, 'app', 'usage') and not exists (
           select from pg_class c
            where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
              and not has_table_privilege(r.oid, c.oid, 'select')) as everything
  from pg_roles r
 where r.rolname = %(role)s;

-- name: let_read
-- The role is put in as an identifier: no parameter may stand in its place. Later tables are for it, too.
grant usage on schema app to {role};
grant select on all tables in schema app to {role};
alter default privileges in schema app grant select on tables to {role};

-- name: drop_schema
drop schema if exists app cascade;
