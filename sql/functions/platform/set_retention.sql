-- platform.set_retention(tenant, schema, table, keep): keeps the tenant's rows of the table so long instead of as long as is registered
-- for all; null: as registered, and for tables without partitions for ever. For pgfleet_owner. Tables: those of
-- platform.partitioned_tables, delivery.webhook_deliveries (with rejects), memory.entity_versions (what was superseded, of
-- relationships too), and delivery.minute_rollups, hour_rollups and day_rollups: those of delivery.metric_rollups. The audit log and the ids of experiences may be kept longer and never shorter: seals, and calls that
-- are repeated, rely on them. Errors: PF002 no such tenant, PF005 another table, or a time that is too short.
create or replace function platform.set_retention(p_tenant text, p_schema text, p_table text, p_keep interval) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_registered interval;
begin
  if not exists (select from platform.tenants t where t.tenant_id = p_tenant) then
    raise exception 'there is no tenant %', quote_literal(p_tenant) using errcode = 'PF002';
  end if;
  select r.retention into v_registered
  from platform.partitioned_tables r
  where r.schema_name = p_schema and r.table_name = p_table;
  if not found and (p_schema, p_table) not in (('delivery', 'webhook_deliveries'), ('memory', 'entity_versions'),
    ('delivery', 'minute_rollups'), ('delivery', 'hour_rollups'), ('delivery', 'day_rollups')) then
    raise exception '%.% is no table that has a retention', p_schema, p_table using errcode = 'PF005', column = 'table';
  end if;
  if p_keep < interval '1 day' then
    raise exception 'a retention of % is shorter than a day', p_keep using errcode = 'PF005', column = 'keep';
  end if;
  if p_keep < v_registered and (p_schema, p_table) in (('delivery', 'audit_log'), ('learning', 'experiences')) then
    raise exception '%.% is kept for % at least', p_schema, p_table, v_registered using errcode = 'PF005', column = 'keep';
  end if;
  if p_keep is null then
    delete from platform.retention_policies p
    where p.tenant_id = p_tenant and p.schema_name = p_schema and p.table_name = p_table;
  else
    insert into platform.retention_policies (tenant_id, schema_name, table_name, keep)
    values (p_tenant, p_schema, p_table, p_keep)
    on conflict (tenant_id, schema_name, table_name) do update set keep = excluded.keep, changed_at = now();
  end if;
end
$$;
comment on function platform.set_retention(text, text, text, interval) is 'Sets how long rows of a tenant are kept; for the owner.';
revoke all on function platform.set_retention(text, text, text, interval) from public;
