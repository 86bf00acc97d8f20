-- platform.drop_bounds_check(schema, table, partition): drops the checks that a partition has and its table does not: those of its bounds,
-- which detaching concurrently leaves, and which keep attaching from reading it. Once it is attached they cost each insert
-- and tell nothing new. For pgfleet_owner; the partition is locked by the caller.
create or replace function platform.drop_bounds_check(p_schema text, p_table text, p_partition text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  for v_name in
    select c.conname from pg_constraint c
    where c.conrelid = to_regclass(format('%I.%I', p_schema, p_partition)) and c.contype = 'c' and c.coninhcount = 0
      and not exists (
        select from pg_constraint k
        where k.conrelid = to_regclass(format('%I.%I', p_schema, p_table)) and k.contype = 'c' and k.conname = c.conname
      )
    order by c.conname
  loop
    execute format('alter table %I.%I drop constraint %I', p_schema, p_partition, v_name);
  end loop;
end
$$;
comment on function platform.drop_bounds_check(text, text, text) is 'Drops the checks of its bounds from a partition; for the owner.';
revoke all on function platform.drop_bounds_check(text, text, text) from public;
