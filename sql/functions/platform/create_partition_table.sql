-- platform.create_partition_table(schema, table, month, with indexes): makes the table of the month that begins then, by UTC, which is not
-- attached yet: with row-level security, without grants, with the storage settings of the newest partition that is there, and
-- with the table's indexes when that is asked for; attaching makes those that are missing. returns its name. For pgfleet_owner:
-- whoever calls it has checked what may be made.
create or replace function platform.create_partition_table(p_schema text, p_table text, p_month timestamptz, p_with_indexes boolean) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_partition text := p_table || '_p' || to_char(p_month at time zone 'UTC', 'YYYYMM');
  v_settings text;
begin
  select array_to_string(c.reloptions, ', ') into v_settings
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = to_regclass(format('%I.%I', p_schema, p_table))
  order by c.relname desc
  limit 1;
  execute format('create table %I.%I (like %I.%I including defaults including constraints including generated including storage including comments%s)%s',
    p_schema, v_partition, p_schema, p_table, case when p_with_indexes then ' including indexes' else '' end,
    coalesce(' with (' || v_settings || ')', ''));
  execute format('alter table %I.%I enable row level security', p_schema, v_partition);
  execute format('alter table %I.%I force row level security', p_schema, v_partition);
  execute format('create policy tenant_isolation on %I.%I using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))',
    p_schema, v_partition);
  execute format('revoke all on %I.%I from public, pgfleet_app, pgfleet_monitor, pgfleet_search, pgfleet_operator', p_schema, v_partition);
  return v_partition;
end
$$;
comment on function platform.create_partition_table(text, text, timestamptz, boolean) is 'Makes the table of a month, which is not attached yet; for the owner.';
revoke all on function platform.create_partition_table(text, text, timestamptz, boolean) from public;
