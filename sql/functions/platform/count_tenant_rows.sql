-- platform.count_tenant_rows(tenant): how many rows of the tenant each table holds that has any, partitions apart. Reads all of
-- the tenant's keys. For pgfleet_owner; leaves the transaction with the tenant set.
create or replace function platform.count_tenant_rows(p_tenant text)
returns table (table_name text, root_name text, row_count bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_table record;
begin
  perform set_config('pgfleet.tenant', p_tenant, true);
  for v_table in select t.table_name, t.root_name from platform.tenant_tables() t loop
    table_name := v_table.table_name;
    root_name := v_table.root_name;
    -- The name comes from the catalogue, quoted.
    execute format('select count(*) from %s t where t.tenant_id = $1', v_table.table_name) into row_count using p_tenant;
    if row_count > 0 then
      return next;
    end if;
  end loop;
end
$$;
comment on function platform.count_tenant_rows(text) is 'Counts a tenant''s rows in every table; for the owner.';
revoke all on function platform.count_tenant_rows(text) from public;
