-- metadata.list_entities(tenant, agent, group, channel, after, rows, entries): entities of a sync group, of one channel when that is not
-- null, by name and behind the name `after`; with their entries when asked for, as metadata.get_entities returns them.
-- Errors: PF001..PF003 (platform.enter), PF091 unknown group, PF094 the agent may not read it.
create or replace function metadata.list_entities(
  p_tenant text,
  p_agent text,
  p_group text,
  p_channel text,
  p_after text,
  p_rows integer,
  p_entries boolean
)
returns table (entity_id uuid, name text, sync_group text, channel text, load_priority integer, expire_after_update_ms bigint,
  expire_after_creation_ms bigint, created_at timestamptz, updated_at timestamptz, created_by text, updated_by text, entries jsonb)
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
begin
  perform platform.enter(p_tenant);
  perform metadata.assert_readable(p_tenant, p_agent, p_group);
  if p_channel is null then
    return query
    select e.entity_id, e.name, e.sync_group, e.channel, e.load_priority, e.expire_after_update_ms,
    e.expire_after_creation_ms, e.created_at, e.updated_at, e.created_by, e.updated_by,
      case when p_entries then metadata.entries_of(p_tenant, e.entity_id) end
    from metadata.entities e
    where e.tenant_id = p_tenant and e.sync_group = p_group and e.name > p_after
      and not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
    order by e.name
    limit p_rows;
  else
    return query
    select e.entity_id, e.name, e.sync_group, e.channel, e.load_priority, e.expire_after_update_ms,
    e.expire_after_creation_ms, e.created_at, e.updated_at, e.created_by, e.updated_by,
      case when p_entries then metadata.entries_of(p_tenant, e.entity_id) end
    from metadata.entities e
    where e.tenant_id = p_tenant and e.sync_group = p_group and e.channel = p_channel and e.name > p_after
      and not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
    order by e.name
    limit p_rows;
  end if;
end
$$;
comment on function metadata.list_entities(text, text, text, text, text, integer, boolean) is 'Entities of a sync group or channel by name.';
revoke all on function metadata.list_entities(text, text, text, text, text, integer, boolean) from public;
grant execute on function metadata.list_entities(text, text, text, text, text, integer, boolean) to pgfleet_app;
