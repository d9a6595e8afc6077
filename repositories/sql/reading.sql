-- How a transaction that only reads begins.

-- name: begin
set transaction isolation level repeatable read, read only;
set local statement_timeout = '10s';
set local timezone = 'UTC';

-- name: act_as
-- The role is put in as an identifier: no parameter may stand in its place.
set local role {role};
