-- platform.create_partition(schema, table, month): makes the partition of the month that begins then, by UTC, with row-level
-- security, without grants, and with the storage settings of the newest partition that is there; false when it is there already.
-- The first one of a table begins the table's statistics, which autovacuum never does.
-- For pgfleet_owner: whoever calls it has checked what may be made.
create or replace function platform.create_partition(p_schema text, p_table text, p_month timestamptz) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_partition text := p_table || '_p' || to_char(p_month at time zone 'UTC', 'YYYYMM');
begin
  if to_regclass(format('%I.%I', p_schema, v_partition)) is not null then
    return false;
  end if;
  -- Attaching takes this lock, which leaves readers and writers alone; taken first, so that two who create the same
  -- partition at once stand in line instead of failing.
  execute format('lock table %I.%I in share update exclusive mode', p_schema, p_table);
  if to_regclass(format('%I.%I', p_schema, v_partition)) is not null then
    return false;
  end if;
  perform platform.create_partition_table(p_schema, p_table, p_month, false);
  perform platform.attach_partition(p_schema, p_table, p_month);
  if (select count(*) from pg_inherits i where i.inhparent = to_regclass(format('%I.%I', p_schema, p_table))) = 1 then
    -- Nothing to gather yet; but from now on the server knows since when maintenance owes the table its statistics.
    execute format('analyze %s%I.%I', case when current_setting('server_version_num')::integer >= 180000 then 'only ' end, p_schema, p_table);
  end if;
  return true;
end
$$;
comment on function platform.create_partition(text, text, timestamptz) is 'Makes the partition of a month.';
revoke all on function platform.create_partition(text, text, timestamptz) from public;
