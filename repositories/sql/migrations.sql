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

-- name: drop_schema
drop schema if exists app cascade;
