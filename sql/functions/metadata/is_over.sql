-- metadata.is_over(tenant, entity, created, updated, after creation, after update): whether an entity has expired: so many
-- milliseconds after its creation, or after its last change or that of its newest entry. The entries are only looked at
-- when the entity's own time says that it is over: that is brought up to date once a second.
create or replace function metadata.is_over(
  p_tenant text,
  p_entity_id uuid,
  p_created_at timestamptz,
  p_updated_at timestamptz,
  p_after_creation_ms bigint,
  p_after_update_ms bigint
) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  v_now timestamptz := statement_timestamp();
  v_limit timestamptz := v_now - p_after_update_ms * interval '1 millisecond';
begin
  if p_created_at <= v_now - p_after_creation_ms * interval '1 millisecond' then
    return true;
  end if;
  if p_after_update_ms is null or p_updated_at > v_limit then
    return false;
  end if;
  return not exists (
      select from metadata.volatile_entries v where v.tenant_id = p_tenant and v.entity_id = p_entity_id and v.updated_at > v_limit
    ) and not exists (
      select from metadata.entries e where e.tenant_id = p_tenant and e.entity_id = p_entity_id and e.updated_at > v_limit
    );
end
$$;
comment on function metadata.is_over(text, uuid, timestamptz, timestamptz, bigint, bigint) is 'Whether an entity has expired.';
revoke all on function metadata.is_over(text, uuid, timestamptz, timestamptz, bigint, bigint) from public;
grant execute on function metadata.is_over(text, uuid, timestamptz, timestamptz, bigint, bigint) to pgfleet_app;
