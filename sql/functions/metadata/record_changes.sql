-- metadata.record_changes(tenant, kind, entities, keys, agents): one row a sync group in metadata.changes, for entities whose
-- entries or selves changed. Runs after the writing statement and reads the entities anew: one that was moved meanwhile is
-- told where it is now. Whoever moves or deletes an entity locks it and its entries first, so no later move is missed.
-- Lets the commit wait for the disk when one of the groups is durable, or the caller asks for it. Part of the writing functions.
create or replace function metadata.record_changes(
  p_tenant text,
  p_kind text,
  p_entity_ids uuid[],
  p_keys text[],
  p_agent_ids text[],
  p_is_durable boolean
) returns void
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
  v_groups text[];
begin
  perform platform.enter(p_tenant);
  with logged as (
    insert into metadata.changes (tenant_id, sync_group, kind, entity_ids, names, channels, keys, agent_ids)
    select p_tenant, e.sync_group, p_kind, array_agg(e.entity_id), array_agg(e.name), array_agg(e.channel),
      case when p_kind = 'entries' then array_agg(x.key) else '{}' end,
      coalesce(array_agg(distinct x.agent_id) filter (where x.agent_id is not null), '{}')
    from unnest(p_entity_ids, p_keys, p_agent_ids) as x(entity_id, key, agent_id)
    join metadata.entities e on e.tenant_id = p_tenant and e.entity_id = x.entity_id
    group by e.sync_group
    returning sync_group
  )
  select array_agg(l.sync_group) into v_groups from logged l;
  if current_setting('synchronous_commit') = 'off' and (p_is_durable or exists (
    select from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = any (v_groups) and g.durability = 'durable'
  )) then
    set local synchronous_commit to default;
  end if;
end
$$;
comment on function metadata.record_changes(text, text, uuid[], text[], text[], boolean) is 'Logs what changed, a row a sync group.';
revoke all on function metadata.record_changes(text, text, uuid[], text[], text[], boolean) from public;
grant execute on function metadata.record_changes(text, text, uuid[], text[], text[], boolean) to pgfleet_app;
