-- metadata.entries_of(tenant, entity): the entries of an entity that are there, a jsonb array by key. Part of whatever returns whole
-- entities; see metadata.get_entities for its members.
create or replace function metadata.entries_of(p_tenant text, p_entity_id uuid) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'key', p.key, 'type', p.type, 'value', p.value, 'version', p.version, 'updated_at', date_part('epoch', p.updated_at) * 1000,
      'expires_at', date_part('epoch', nullif(p.expires_at, 'infinity')) * 1000, 'updated_by', p.updated_by
    ) order by p.key), '[]')
    from metadata.present_entries p
    where p.tenant_id = p_tenant and p.entity_id = p_entity_id and p.type is not null and p.expires_at > statement_timestamp()
  );
end
$$;
comment on function metadata.entries_of(text, uuid) is 'The entries of an entity as JSON.';
revoke all on function metadata.entries_of(text, uuid) from public;
grant execute on function metadata.entries_of(text, uuid) to pgfleet_app;
