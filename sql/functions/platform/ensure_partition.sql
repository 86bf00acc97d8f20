-- platform.ensure_partition(schema, table, id, field): makes the monthly partition that takes rows of this UUIDv7, if it is
-- not there. Runs as pgfleet_owner, because a tenant may not create tables; narrow: registered tables only, months from
-- the retention ago to one month ahead only. It reads and writes no tenant row.
-- Errors: PF006 the id is not a UUIDv7, or its time lies outside that window; names `field`.
create or replace function platform.ensure_partition(p_schema text, p_table text, p_id uuid, p_field text default 'id') returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_time timestamptz := platform.uuid_time(p_id);
  v_month timestamptz := date_trunc('month', v_time, 'UTC');
  v_partition text := p_table || '_p' || to_char(v_month at time zone 'UTC', 'YYYYMM');
  v_retention interval;
begin
  select r.retention into v_retention
  from platform.partitioned_tables r
  where r.schema_name = p_schema and r.table_name = p_table;
  if not found then
    raise exception '%.% is not a registered partitioned table', p_schema, p_table using errcode = 'PF005';
  end if;
  if v_time is null or v_time < now() - v_retention or v_time > now() + interval '31 days' then
    raise exception 'the time inside id % (%) lies outside the window of %.%: % before to 31 days after now',
      p_id, coalesce(v_time::text, 'not a UUID version 7'), p_schema, p_table, v_retention
      using errcode = 'PF006', column = p_field;
  end if;
  if to_regclass(format('%I.%I', p_schema, v_partition)) is not null then
    return;
  end if;
  perform platform.create_partition(p_schema, p_table, v_month);
end
$$;
comment on function platform.ensure_partition(text, text, uuid, text) is 'Makes the monthly partition for a UUIDv7 within the window of its table; outside it refuses.';
revoke all on function platform.ensure_partition(text, text, uuid, text) from public;
grant execute on function platform.ensure_partition(text, text, uuid, text) to pgfleet_app;
