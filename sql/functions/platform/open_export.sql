-- platform.open_export(tenant, table): opens the cursor `pgfleet_export` over the tenant's rows of one table, each as a JSON array of
-- texts in the order of platform.export_tables, closing the one before. Texts are exact under the settings made here. Memory is what a
-- fetch takes. For pgfleet_owner, in a transaction that ends with the export. Errors: PF005 the table does not move.
create or replace function platform.open_export(p_tenant text, p_table text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_cursor refcursor := 'pgfleet_export';
  v_table record;
begin
  perform set_config('pgfleet.tenant', p_tenant, true), set_config('extra_float_digits', '1', true), set_config('datestyle', 'ISO, YMD', true),
    set_config('intervalstyle', 'postgres', true), set_config('timezone', 'UTC', true), set_config('bytea_output', 'hex', true);
  select t.* into v_table from platform.export_tables() t where t.table_name = p_table;
  if not found then
    raise exception 'table % does not move with a tenant', quote_literal(p_table) using errcode = 'PF005', column = 'table';
  end if;
  if exists (select from pg_cursors c where c.name = 'pgfleet_export') then
    close v_cursor;
  end if;
  -- Names come from the catalogue, quoted.
  open v_cursor no scroll for execute format('select json_build_array(%s)::text as line from %s where tenant_id = $1 order by %s',
    v_table.expressions, v_table.table_name, v_table.ordering) using p_tenant;
end
$$;
comment on function platform.open_export(text, text) is 'Opens a cursor over a tenant''s rows of one table, as texts; for the owner.';
revoke all on function platform.open_export(text, text) from public;
