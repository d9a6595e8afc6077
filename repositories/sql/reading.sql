-- How a transaction that only reads begins.

-- name: begin
set transaction isolation level repeatable read, read only;
set local statement_timeout = '10s';
set local timezone = 'UTC';
-- Without statistics, or with old ones, a full table would be scanned for a few rows; and compiling a statement takes
-- longer than running it.
set local enable_seqscan = off;
set local jit = off;

-- name: act_as
-- The role is put in as an identifier: no parameter may stand in its place.
set local role {role};
