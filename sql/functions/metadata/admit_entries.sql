-- metadata.admit_entries(tenant, items): the items of metadata.set_entries as far as they can be judged without looking at what
-- their keys hold: the entity of each, the right of its agent, its quotas. In the order (entity_id, key), in which keys are locked.
-- returns a row an item; `winner` is the item whose value its key gets: the last admitted one. is_sure: whether it is allowed does
-- not hang on the key's being there. refusal: unknown_entity, forbidden, quota_key, quota_value; null when it is admitted.
-- Entities, groups and rights are looked up once for all items of one entity and agent. Part of set_entries.
create or replace function metadata.admit_entries(p_tenant text, p_items jsonb)
returns table (
  ordinal integer, winner integer, entity_id uuid, key text, agent text, type text, value text, ttl_ms double precision, call bigint,
  name text, sync_group text, channel text, move_count bigint, durability text, is_durable boolean, is_sure boolean, refusal text
)
language plpgsql stable
rows 100
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- Its caller has switched it off; items and entities of a batch are compared pair by pair then.
set enable_hashjoin = on
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_key_length integer;
  v_value_bytes integer;
begin
  select coalesce((t.quotas ->> 'metadata_key_length')::integer, 200), coalesce((t.quotas ->> 'metadata_value_bytes')::integer, 65536)
  into v_key_length, v_value_bytes
  from platform.tenants t where t.tenant_id = p_tenant;
  return query
  with given as materialized (
    select i.ordinality::integer as ordinal, i.entity, i.key, i.agent, i.type, i.value, i.ttl_ms, i.durability = 'durable' as is_durable, i.call
    from rows from (
      jsonb_to_recordset(p_items) as (entity text, key text, agent text, type text, value text, ttl_ms double precision, durability text, call bigint)
    ) with ordinality as i
  ),
  -- The tables stand in sub-queries that may not be drawn up, so that each is reached by its key, and only rows of items are hashed.
  target as materialized (
    select d.entity, d.agent, e.entity_id, e.name, e.sync_group, e.channel, g.move_count, g.durability,
      d.agent = '' or r.can_insert is true as may_insert,
      d.agent = '' or r.can_update is true as may_update,
      d.agent = '' or r.can_delete is true as may_delete
    from (select distinct i.entity, coalesce(i.agent, '') as agent from given i) d
    left join lateral (
      select e.entity_id, e.name, e.sync_group, e.channel from metadata.entities e
      where e.tenant_id = p_tenant and e.name = d.entity
        and case
          when e.expire_after_update_ms is null and e.expire_after_creation_ms is null then true
          else not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
        end
      offset 0
    ) e on true
    left join lateral (
      select g.move_count, g.durability from metadata.sync_groups g
      where g.tenant_id = p_tenant and g.sync_group = e.sync_group
      offset 0
    ) g on true
    left join lateral (
      select r.can_insert, r.can_update, r.can_delete from metadata.roles r
      where r.tenant_id = p_tenant and r.agent_id = d.agent and r.sync_group = e.sync_group
      offset 0
    ) r on true
  )
  select x.ordinal,
    first_value(x.ordinal) over (partition by x.entity_id, x.key order by x.refusal is null desc, x.ordinal desc),
    x.entity_id, x.key, x.agent, x.type, x.value, x.ttl_ms, x.call, x.name, x.sync_group, x.channel, x.move_count, x.durability, x.is_durable,
    x.is_sure, x.refusal
  from (
    select i.ordinal, t.entity_id, i.key, i.agent, i.type, i.value, i.ttl_ms, i.call, t.name, t.sync_group, t.channel, t.move_count, t.durability,
      i.is_durable is true as is_durable,
      i.type is null or t.may_update or not t.may_insert as is_sure,
      case
        when t.entity_id is null then 'unknown_entity'
        when not case when i.type is null then t.may_delete else t.may_update or t.may_insert end then 'forbidden'
        when length(i.key) > v_key_length then 'quota_key'
        when case i.type when 'bytes' then octet_length(i.value) / 4 * 3 else octet_length(i.value) end > v_value_bytes then 'quota_value'
      end as refusal
    from given i
    join target t on t.entity = i.entity and t.agent = coalesce(i.agent, '')
  ) x;
end
$$;
comment on function metadata.admit_entries(text, jsonb) is 'The entity, the right and the quotas of items that are to be written; before it is looked at what their keys hold.';
revoke all on function metadata.admit_entries(text, jsonb) from public;
grant execute on function metadata.admit_entries(text, jsonb) to pgfleet_app;
