-- metadata.set_sync_group(tenant, group, changes): makes a sync group, or changes one, and returns it. changes: a jsonb object of tick_ms,
-- ticks_kept, durability, is_enabled, description; what is absent stays, or has its default: 50, 20, durable, true, none.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.set_sync_group(p_tenant text, p_group text, p_changes jsonb)
returns table (sync_group text, tick_ms integer, ticks_kept integer, durability text, is_enabled boolean, description text, created_at timestamptz, updated_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_was text;
begin
  perform platform.enter(p_tenant);
  select g.durability into v_was from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = p_group for no key update;
  return query
  insert into metadata.sync_groups as g (tenant_id, sync_group, tick_ms, ticks_kept, durability, is_enabled, description, created_at, updated_at)
  select p_tenant, p_group, coalesce(c.tick_ms, 50), coalesce(c.ticks_kept, 20), coalesce(c.durability, 'durable'), coalesce(c.is_enabled, true),
    c.description, v_now, v_now
  from jsonb_to_record(p_changes) as c(tick_ms integer, ticks_kept integer, durability text, is_enabled boolean, description text)
  on conflict (tenant_id, sync_group) do update
  set tick_ms = case when p_changes ? 'tick_ms' then excluded.tick_ms else g.tick_ms end,
    ticks_kept = case when p_changes ? 'ticks_kept' then excluded.ticks_kept else g.ticks_kept end,
    durability = case when p_changes ? 'durability' then excluded.durability else g.durability end,
    is_enabled = case when p_changes ? 'is_enabled' then excluded.is_enabled else g.is_enabled end,
    description = case when p_changes ? 'description' then excluded.description else g.description end,
    updated_at = excluded.updated_at
  returning g.sync_group, g.tick_ms, g.ticks_kept, g.durability, g.is_enabled, g.description, g.created_at, g.updated_at;
  if v_was = 'volatile' and p_changes ->> 'durability' <> 'volatile' then
    -- Waits for all who write volatile entries: none of them may come after a durable write of the same version.
    lock table metadata.volatile_entries in share row exclusive mode;
  end if;
end
$$;
comment on function metadata.set_sync_group(text, text, jsonb) is 'Makes or changes a sync group.';
revoke all on function metadata.set_sync_group(text, text, jsonb) from public;
grant execute on function metadata.set_sync_group(text, text, jsonb) to pgfleet_app;
