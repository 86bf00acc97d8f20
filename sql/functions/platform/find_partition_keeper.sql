-- platform.find_partition_keeper(schema, table, partition): a tenant that has a row in the partition and keeps it: its policy says
-- so, or a legal hold stands; null when nobody does. The partition may be detached. It asks only whether a tenant has a
-- row. For pgfleet_owner; callers who go on to drop it lock platform.legal_holds and the partition before.
create or replace function platform.find_partition_keeper(p_schema text, p_table text, p_partition text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_end timestamp := to_date(right(p_partition, 6), 'YYYYMM') + interval '1 month';
  v_now timestamp := now() at time zone 'UTC';
  v_tenant text;
  v_found boolean;
begin
  for v_tenant in
    select h.tenant_id from platform.legal_holds h where h.lifted_at is null
    union
    select p.tenant_id from platform.retention_policies p
    where p.schema_name = p_schema and p.table_name = p_table and v_end >= v_now - p.keep
    order by 1
  loop
    -- The owner sees a tenant's rows as anybody does: inside the tenant.
    perform set_config('pgfleet.tenant', v_tenant, true);
    execute format('select exists (select from %I.%I x where x.tenant_id = $1)', p_schema, p_partition) into v_found using v_tenant;
    perform set_config('pgfleet.tenant', '', true);
    if v_found then
      return v_tenant;
    end if;
  end loop;
  return null;
end
$$;
comment on function platform.find_partition_keeper(text, text, text) is 'A tenant that keeps a partition; for the owner.';
revoke all on function platform.find_partition_keeper(text, text, text) from public;
