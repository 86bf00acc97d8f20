-- platform.delete_retired_rows(tenant, schema, table, rows): removes rows of the tenant that it does not want kept and that do not go
-- with their partition, at most so many, the oldest first; returns how many. With a policy that is shorter than what is
-- registered, those older than it; else those in months that lie wholly beyond what the tenant keeps, which another
-- tenant keeps. The audit log is left alone: its months retire whole; so do those of tables that are archived, where a tenant does not
-- want less; and partitions that were restored from an archive, until their time is over. Up to where interactions go is kept
-- for the audit, which they are a part of. Runs as pgfleet_owner, because the app may not delete from logs; narrow: registered
-- tables, one tenant, and nothing under a legal hold.
-- Errors: PF003 another tenant was entered, PF005 another table.
create or replace function platform.delete_retired_rows(p_tenant text, p_schema text, p_table text, p_rows integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table platform.partitioned_tables;
  v_keep interval;
  v_before timestamptz;
  v_restored oid[];
  v_deleted bigint;
begin
  select r.* into v_table from platform.partitioned_tables r where r.schema_name = p_schema and r.table_name = p_table;
  if not found then
    raise exception '%.% is not a registered partitioned table', p_schema, p_table using errcode = 'PF005', column = 'table';
  end if;
  if nullif(current_setting('pgfleet.tenant', true), '') <> p_tenant then
    raise exception 'this transaction works for another tenant than %', quote_literal(p_tenant) using errcode = 'PF003';
  end if;
  if (p_schema, p_table) = ('delivery', 'audit_log') or not platform.may_retire(p_tenant) then
    return 0;
  end if;
  select p.keep into v_keep
  from platform.retention_policies p
  where p.tenant_id = p_tenant and p.schema_name = p_schema and p.table_name = p_table;
  v_before := now() - coalesce(v_keep, v_table.retention);
  if coalesce(v_keep, v_table.retention) >= v_table.retention then
    if exists (select from platform.archived_tables d where d.schema_name = p_schema and d.table_name = p_table) then
      return 0;
    end if;
    v_before := date_trunc('month', v_before, 'UTC');
  end if;
  select coalesce(array_agg(to_regclass(format('%I.%I', a.schema_name, a.partition_name))::oid), '{}') into v_restored
  from platform.archives a
  where a.schema_name = p_schema and a.table_name = p_table and a.state = 'restored' and a.kept_until > now();
  perform set_config('pgfleet.tenant', p_tenant, true);
  if (p_schema, p_table) = ('delivery', 'agent_interactions') then
    insert into delivery.interaction_floors as f (tenant_id, removed_below)
    values (p_tenant, platform.uuid_floor(v_before))
    on conflict (tenant_id) do update set removed_below = excluded.removed_below
    where f.removed_below < excluded.removed_below;
  end if;
  execute format('
    with gone as materialized (
      select o.%2$I as id, o.ctid as place, o.tableoid as leaf from %1$s o
      where o.tenant_id = $1 and o.%2$I < $2 and o.tableoid <> all ($4)
      order by o.%2$I
      limit $3
      for update skip locked
    )
    delete from %1$s t using gone g
    where t.tenant_id = $1 and t.%2$I = g.id and t.%2$I < $2 and t.ctid = g.place and t.tableoid = g.leaf',
    format('%I.%I', p_schema, p_table), v_table.id_column)
  using p_tenant, platform.uuid_floor(v_before), p_rows, v_restored;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function platform.delete_retired_rows(text, text, text, integer) is 'Removes rows that a tenant does not want kept, in bounded steps.';
revoke all on function platform.delete_retired_rows(text, text, text, integer) from public;
grant execute on function platform.delete_retired_rows(text, text, text, integer) to pgfleet_operator;
