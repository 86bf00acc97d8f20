-- platform.ensure_partitions(schema, table, ids, field): makes the monthly partitions that take rows of these UUIDv7, where
-- they are missing. `field` is the argument the ids came from, for the error: PF006 names the first id outside the
-- window as `field[i].id`. Costs one look into the catalogue a month.
create or replace function platform.ensure_partitions(p_schema text, p_table text, p_ids uuid[], p_field text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  for v_id in
    -- A text comparison: uuid has no min before PostgreSQL 18. Ids of no month (not version 7) come first, and are refused.
    select x.id
    from (
      select min(i.id::text)::uuid as id, date_trunc('month', platform.uuid_time(i.id), 'UTC') as month
      from unnest(p_ids) as i(id)
      where i.id is not null
      group by 2
    ) x
    order by x.month nulls first
  loop
    perform platform.ensure_partition(p_schema, p_table, v_id, format('%s[%s].id', p_field, array_position(p_ids, v_id) - 1));
  end loop;
end
$$;
comment on function platform.ensure_partitions(text, text, uuid[], text) is 'Makes the monthly partitions for many UUIDv7 within the window of their table.';
revoke all on function platform.ensure_partitions(text, text, uuid[], text) from public;
grant execute on function platform.ensure_partitions(text, text, uuid[], text) to pgfleet_app;
