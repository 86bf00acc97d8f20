-- metadata.get_entries(tenant, items): entries by entity and key. items: a jsonb array of {entity text, key text, agent text}.
-- returns one row for each that is there, its value as text with its type, as in metadata.set_entries; and one with a refusal
-- (forbidden) for each whose agent may not read the entity's group.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.get_entries(p_tenant text, p_items jsonb)
returns table (ordinal integer, refusal text, type text, value text, version bigint, updated_at timestamptz, expires_at timestamptz, updated_by text)
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
  -- Most tenants have no value that is pending: then one table has it all. A value that comes meanwhile comes beside this call, not before it.
  if not exists (select from metadata.volatile_entries v where v.tenant_id = p_tenant) then
    return query
    select i.ordinality::integer, case when i.agent is not null and r.can_read is not true then 'forbidden' end,
      q.type, q.value, q.version, q.updated_at, nullif(q.expires_at, 'infinity'), q.updated_by
    from rows from (jsonb_to_recordset(p_items) as (entity text, key text, agent text)) with ordinality as i
    join metadata.entities e
      on e.tenant_id = p_tenant and e.name = i.entity
      and case
        when e.expire_after_update_ms is null and e.expire_after_creation_ms is null then true
        else not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
      end
    left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = i.agent and r.sync_group = e.sync_group
    left join metadata.stored_entries q
      on (i.agent is null or r.can_read) and q.tenant_id = p_tenant and q.entity_id = e.entity_id and q.key = i.key
      and q.type is not null and q.expires_at > statement_timestamp()
    where q.entity_id is not null or (i.agent is not null and r.can_read is not true);
    return;
  end if;
  return query
  select i.ordinality::integer, p.refusal, p.type, p.value, p.version, p.updated_at, nullif(p.expires_at, 'infinity'), p.updated_by
  from rows from (jsonb_to_recordset(p_items) as (entity text, key text, agent text)) with ordinality as i
  join metadata.entities e
    on e.tenant_id = p_tenant and e.name = i.entity
    and case
      when e.expire_after_update_ms is null and e.expire_after_creation_ms is null then true
      else not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
    end
  left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = i.agent and r.sync_group = e.sync_group
  cross join lateral (
    select null as refusal, q.type, q.value, q.version, q.updated_at, q.expires_at, q.updated_by
    from metadata.present_entries q
    where (i.agent is null or r.can_read) and q.tenant_id = p_tenant and q.entity_id = e.entity_id and q.key = i.key
      and q.type is not null and q.expires_at > statement_timestamp()
    union all
    select 'forbidden', null, null, null, null, null, null
    where i.agent is not null and r.can_read is not true
  ) p;
end
$$;
comment on function metadata.get_entries(text, jsonb) is 'Many entries by entity and key, with the permission of each item''s agent.';
revoke all on function metadata.get_entries(text, jsonb) from public;
grant execute on function metadata.get_entries(text, jsonb) to pgfleet_app;
