-- platform.import_rows(tenant, import, table, columns, rows): inserts rows of one table as an export holds them, in their order. rows: a jsonb
-- array of arrays of texts, in the order of `columns`. Rows of a month that the table would drop by now are left out.
-- returns how many were inserted. For pgfleet_owner.
-- Errors: PF111 the tenant is not being imported, or by another import; PF005 the table or a column does not move.
create or replace function platform.import_rows(p_tenant text, p_import uuid, p_table text, p_columns text[], p_rows jsonb) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass := to_regclass(p_table);
  v_names text;
  v_values text;
  v_count integer;
  v_month record;
  v_rows jsonb := p_rows;
  v_inserted bigint;
begin
  perform from platform.tenants t where t.tenant_id = p_tenant and t.state = 'importing' and t.import_id = p_import for share;
  if not found then
    raise exception 'tenant % is not being imported by import %', quote_literal(p_tenant), p_import using errcode = 'PF111';
  end if;
  perform set_config('pgfleet.tenant', p_tenant, true), set_config('datestyle', 'ISO, YMD', true), set_config('intervalstyle', 'postgres', true);
  -- Names come from the catalogue, quoted.
  select string_agg(format('%I', c.name), ', ' order by c.place),
    string_agg(
      case
        when p_table = 'delivery.metrics' and c.name = 'transaction_id' then format('coalesce((r.value ->> %s)::xid8, platform.log_transaction(pg_current_xact_id()))', c.place - 1)
        when p_table in ('delivery.agent_interactions', 'delivery.agent_sessions', 'delivery.workflow_details') and c.name = 'transaction_id' then format('case when r.value ->> %s is not null then platform.log_transaction(pg_current_xact_id()) end', c.place - 1)
        when p_table in ('delivery.agent_interactions', 'delivery.agent_sessions', 'delivery.workflow_details') and c.name = 'audit_sequence' then format('case when r.value ->> %s is not null then nextval(''delivery.audit_sequence'') end', c.place - 1)
        else format('(r.value ->> %s)::%s', c.place - 1, format_type(a.atttypid, a.atttypmod))
      end, ', ' order by c.place),
    count(*)
  into v_names, v_values, v_count
  from unnest(p_columns) with ordinality as c(name, place)
  join pg_attribute a on a.attrelid = v_table and a.attname = c.name and not a.attisdropped
  where exists (
    select from platform.export_tables() t cross join lateral jsonb_array_elements(t.columns) m
    where t.table_name = p_table and m ->> 'name' = c.name);
  if v_count is distinct from cardinality(p_columns) or v_count = 0 then
    raise exception 'table % does not move with a tenant, or has other columns', quote_literal(p_table) using errcode = 'PF005', column = 'table';
  end if;
  for v_month in
    select (array_position(p_columns, r.id_column) - 1)::integer as place, now() - r.retention as kept_from, r.schema_name, r.table_name
    from platform.partitioned_tables r
    where format('%I.%I', r.schema_name, r.table_name) = p_table
  loop
    select coalesce(jsonb_agg(r.value order by r.ordinality), '[]'::jsonb) into v_rows
    from jsonb_array_elements(p_rows) with ordinality as r
    where platform.uuid_time((r.value ->> v_month.place)::uuid) >= v_month.kept_from;
    perform platform.ensure_partitions(v_month.schema_name, v_month.table_name,
      array(select (r.value ->> v_month.place)::uuid from jsonb_array_elements(v_rows) r), 'rows');
  end loop;
  execute format('insert into %s (tenant_id, %s) select $1, %s from jsonb_array_elements($2) with ordinality as r order by r.ordinality', v_table, v_names, v_values)
  using p_tenant, v_rows;
  get diagnostics v_inserted = row_count;
  return v_inserted;
end
$$;
comment on function platform.import_rows(text, uuid, text, text[], jsonb) is 'Inserts rows of an export into one table; for the owner.';
revoke all on function platform.import_rows(text, uuid, text, text[], jsonb) from public;
