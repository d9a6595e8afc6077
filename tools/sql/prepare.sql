-- The roles, the database and PostGIS; changes nothing where they are there. Run by the superuser at each start.
\getenv password GEOJOBS_PASSWORD
set client_min_messages = warning;

select 'create role geojobs' where not exists (select from pg_roles where rolname = 'geojobs') \gexec
alter role geojobs with login createdb :superuser password :'password';

select 'create role geojobs_reader nologin' where not exists (select from pg_roles where rolname = 'geojobs_reader') \gexec
grant geojobs_reader to geojobs;

select 'create database geojobs owner geojobs'
where not exists (select from pg_database where datname = 'geojobs') \gexec

\connect geojobs
set client_min_messages = warning;
create extension if not exists postgis;
