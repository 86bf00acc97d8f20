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
  v_settings text;
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
  select array_to_string(c.reloptions, ', ') into v_settings
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = to_regclass(format('%I.%I', p_schema, p_table))
  order by c.relname desc
  limit 1;
  execute format('create table %I.%I (like %I.%I including defaults including constraints including generated including storage including comments)%s',
    p_schema, v_partition, p_schema, p_table, coalesce(' with (' || v_settings || ')', ''));
  execute format('alter table %I.%I enable row level security', p_schema, v_partition);
  execute format('alter table %I.%I force row level security', p_schema, v_partition);
  execute format('create policy tenant_isolation on %I.%I using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))',
    p_schema, v_partition);
  execute format('revoke all on %I.%I from public, pgfleet_app, pgfleet_monitor, pgfleet_search, pgfleet_operator', p_schema, v_partition);
  execute format('alter table %I.%I attach partition %I.%I for values from (%L) to (%L)',
    p_schema, p_table, p_schema, v_partition,
    platform.uuid_floor(p_month), platform.uuid_floor(date_trunc('month', p_month + interval '40 days', 'UTC')));
  if (select count(*) from pg_inherits i where i.inhparent = to_regclass(format('%I.%I', p_schema, p_table))) = 1 then
    -- Nothing to gather yet; but from now on the server knows since when maintenance owes the table its statistics.
    execute format('analyze %s%I.%I', case when current_setting('server_version_num')::integer >= 180000 then 'only ' end, p_schema, p_table);
  end if;
  return true;
end
$$;
comment on function platform.create_partition(text, text, timestamptz) is 'Makes the partition of a month.';
revoke all on function platform.create_partition(text, text, timestamptz) from public;
