-- platform.erase_rows(tenant, erasure, table, rows, after): a step of an erasure: removes at most so many rows of one table or
-- partition, in the order of its key, behind a key. after: the last key of the step before, as a jsonb array of texts; null at first.
-- Without it each step would look again at all that the steps before have left for vacuum.
-- returns how many rows were removed, and the last key, null when none are left; a table that is gone has none. For pgfleet_owner.
-- Errors: those of platform.lock_erasure.
create or replace function platform.erase_rows(p_tenant text, p_erasure uuid, p_table text, p_rows integer, p_after jsonb)
returns table (removed bigint, last_key jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  v_table regclass := to_regclass(p_table);
  v_root text;
  v_keys text;
  v_texts text;
  v_values text;
  v_where text := 'tenant_id = $1';
begin
  perform platform.lock_erasure(p_tenant, p_erasure);
  removed := 0;
  -- Names come from the catalogue, quoted.
  select string_agg(format('%I', a.attname), ', ' order by k.place),
    string_agg(format('%I::text', a.attname), ', ' order by k.place),
    string_agg(format('($3 ->> %s)::%s', k.place - 2, format_type(a.atttypid, null)), ', ' order by k.place)
  into v_keys, v_texts, v_values
  from pg_index i
  cross join lateral unnest(i.indkey::smallint[]) with ordinality as k(number, place)
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
  where i.indrelid = v_table and i.indisprimary and a.attname <> 'tenant_id';
  if v_table is null then
    return next;
    return;
  end if;
  -- Bounds of the key, not places in the table: those are no condition of an index under row-level security.
  if p_after is not null then
    v_where := format('tenant_id = $1 and (%s) > (%s)', v_keys, v_values);
  end if;
  if v_keys is not null then
    execute format('select jsonb_build_array(%s) from %s where %s order by tenant_id, %s offset $2 - 1 limit 1', v_texts, v_table, v_where, v_keys)
    into last_key using p_tenant, p_rows, p_after;
  end if;
  -- Fewer are left than the step may remove: all of them go.
  if last_key is not null then
    v_where := format('%s and (%s) <= (%s)', v_where, v_keys, replace(v_values, '$3', '$4'));
  end if;
  execute format('delete from %s where %s', v_table, v_where) using p_tenant, p_rows, p_after, last_key;
  get diagnostics removed = row_count;
  v_root := coalesce(pg_partition_root(v_table), v_table)::text;
  if removed > 0 then
    update platform.erasures e
    set row_counts = e.row_counts || jsonb_build_object(v_root, coalesce((e.row_counts ->> v_root)::bigint, 0) + removed)
    where e.tenant_id = p_tenant and e.erasure_id = p_erasure;
  end if;
  return next;
end
$$;
comment on function platform.erase_rows(text, uuid, text, integer, jsonb) is 'Removes some rows of a tenant from one table; for the owner.';
revoke all on function platform.erase_rows(text, uuid, text, integer, jsonb) from public;
