-- metadata.change_roles(tenant, items): grants and revokes what agents may do, and logs it for their subscriptions. items: a jsonb
-- array of {agent_id text, sync_group text, read, insert, update, delete boolean}, the row of the agent and group as it is to be;
-- {agent_id, sync_group} alone takes it away. An agent and group stand once. returns one row an item: whether anything changed.
-- Errors: PF001..PF003 (platform.enter), PF091 unknown group, which names `roles[i].syncGroup`.
create or replace function metadata.change_roles(p_tenant text, p_items jsonb)
returns table (ordinal integer, changed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_wrong record;
  v_changed integer[];
begin
  perform platform.enter(p_tenant);
  select x.ordinality - 1 as place, x.sync_group into v_wrong
  from rows from (jsonb_to_recordset(p_items) as (sync_group text, "read" boolean)) with ordinality as x
  where x."read" is not null
    and not exists (select from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = x.sync_group)
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'there is no sync group %', quote_literal(v_wrong.sync_group)
      using errcode = 'PF091', column = format('roles[%s].syncGroup', v_wrong.place);
  end if;
  with item as materialized (
    select distinct on (x.agent_id, x.sync_group) x.*
    from rows from (
      jsonb_to_recordset(p_items) as (agent_id text, sync_group text, "read" boolean, "insert" boolean, "update" boolean, "delete" boolean)
    ) with ordinality as x
    order by x.agent_id, x.sync_group, x.ordinality desc
  ),
  granted as (
    insert into metadata.roles as r (tenant_id, agent_id, sync_group, can_read, can_insert, can_update, can_delete, updated_at)
    select p_tenant, i.agent_id, i.sync_group, i."read", i."insert", i."update", i."delete", v_now
    from item i
    where i."read" is not null
    order by i.agent_id, i.sync_group
    on conflict (tenant_id, agent_id, sync_group) do update
    set can_read = excluded.can_read, can_insert = excluded.can_insert, can_update = excluded.can_update, can_delete = excluded.can_delete,
      updated_at = excluded.updated_at
    where (r.can_read, r.can_insert, r.can_update, r.can_delete)
      is distinct from (excluded.can_read, excluded.can_insert, excluded.can_update, excluded.can_delete)
    returning r.agent_id, r.sync_group
  ),
  revoked as (
    delete from metadata.roles r
    using item i
    where r.tenant_id = p_tenant and r.agent_id = i.agent_id and r.sync_group = i.sync_group and i."read" is null
    returning r.agent_id, r.sync_group
  ),
  changed as materialized (
    select * from granted
    union all
    select * from revoked
  ),
  logged as (
    insert into metadata.changes (tenant_id, sync_group, kind, agent_ids)
    select p_tenant, c.sync_group, 'roles', array_agg(c.agent_id) from changed c group by c.sync_group
  )
  select array_agg(i.ordinality::integer) into v_changed
  from item i
  join changed c on c.agent_id = i.agent_id and c.sync_group = i.sync_group;
  return query
  select n, coalesce(n = any (v_changed), false) from generate_series(1, jsonb_array_length(p_items)) n;
end
$$;
comment on function metadata.change_roles(text, jsonb) is 'Grants and revokes what agents may do with sync groups.';
revoke all on function metadata.change_roles(text, jsonb) from public;
grant execute on function metadata.change_roles(text, jsonb) to pgfleet_app;
