-- A stage may have tasks of several types.

-- As it was before it took p_task_types: beside the new one, a call without them would fit both.
drop function if exists app.open_stage(
    char, integer, integer, text, text[], text[], text[], text[], text[], integer, boolean, double precision,
    integer, interval, double precision, interval, double precision, interval, interval, interval);

alter table app.stages add column task_types text[];
comment on column app.stages.task_types is 'the types that its tasks are of, where not all are of task_type';
create index stages_mixed on app.stages (opened_at desc) where task_types is not null;
