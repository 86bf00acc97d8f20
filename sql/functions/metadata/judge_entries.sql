-- metadata.judge_entries(tenant, items): what is there of each key that is to be written, and whether the item is allowed:
-- items as in metadata.set_entries, here with `ordinal` where their place is another, and `expected` in metadata.compare_and_set.
-- refusal: unknown_entity, forbidden, quota_key, quota_value; null when it may be written. Whoever sets a key that is not
-- there inserts, whoever sets one that is there updates; without an agent all is allowed. A tombstone is kept for two hours,
-- longer than the log of changes reaches back. Part of write_entries.
create or replace function metadata.judge_entries(p_tenant text, p_items jsonb) returns setof metadata.judged_entry
language plpgsql stable
rows 100
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
  v_key_length integer;
  v_value_bytes integer;
begin
  select coalesce((t.quotas ->> 'metadata_key_length')::integer, 200), coalesce((t.quotas ->> 'metadata_value_bytes')::integer, 65536)
  into v_key_length, v_value_bytes
  from platform.tenants t where t.tenant_id = p_tenant;
  return query
  select x.place, x.call, x.entity_id, x.key, x.agent, x.type, x.value, x.expires_at, x.expected,
    case
      when x.asked = 'durable' or x.durability = 'durable' then 'durable'
      when x.asked = 'async' or x.durability = 'async' then 'async'
      else 'volatile'
    end,
    x.durability = 'volatile', x.version, x.is_there,
    case
      when not x.is_there then x.type is null
      when x.type is distinct from x.present_type or x.expected is not null then false
      when x.ttl is null then x.present_expires_at = 'infinity'
      else isfinite(x.present_expires_at) and x.present_expires_at between x.expires_at - x.ttl / 10 and x.expires_at + x.ttl / 10
    end and case x.type
      when 'json' then x.present_value::jsonb = x.value::jsonb
      when 'float' then x.present_value::double precision = x.value::double precision
      else x.present_value is not distinct from x.value
    end,
    coalesce(x.is_stored, false), coalesce(x.is_pending, false), x.may_expire,
    case
      when x.entity_id is null then 'unknown_entity'
      when x.agent is not null and not coalesce(case when x.type is null then x.can_delete when x.is_there then x.can_update else x.can_insert end, false)
        then 'forbidden'
      when length(x.key) > v_key_length then 'quota_key'
      when case x.type when 'bytes' then octet_length(x.value) / 4 * 3 else octet_length(x.value) end > v_value_bytes then 'quota_value'
    end
  from (
    select coalesce(i.ordinal, i.ordinality)::integer as place, i.call, e.entity_id, i.key, i.agent, i.type, i.value, i.expected,
      i.durability as asked, g.durability, i.ttl_ms * interval '1 millisecond' as ttl,
      case when i.type is null then v_now + interval '2 hours' else coalesce(v_now + i.ttl_ms * interval '1 millisecond', 'infinity') end as expires_at,
      greatest(p.version, e.version_floor) as version, coalesce(p.type is not null and p.expires_at > v_now, false) as is_there,
      p.type as present_type, p.value as present_value, p.expires_at as present_expires_at, p.is_stored, p.is_pending,
      e.expire_after_update_ms is not null as may_expire, r.can_insert, r.can_update, r.can_delete
    from rows from (
      jsonb_to_recordset(p_items) as (
        entity text, key text, agent text, type text, value text, ttl_ms double precision, durability text, call bigint, expected bigint, ordinal integer
      )
    ) with ordinality as i
    left join metadata.entities e
      on e.tenant_id = p_tenant and e.name = i.entity
      and case
        when e.expire_after_update_ms is null and e.expire_after_creation_ms is null then true
        else not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
      end
    left join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = e.sync_group
    left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = i.agent and r.sync_group = e.sync_group
    left join lateral (
      select * from metadata.present_entries q
      where q.tenant_id = p_tenant and q.entity_id = e.entity_id and q.key = i.key
      offset 0
    ) p on true
  ) x;
end
$$;
comment on function metadata.judge_entries(text, jsonb) is 'What is there of the keys that are to be written, and whether that is allowed.';
revoke all on function metadata.judge_entries(text, jsonb) from public;
grant execute on function metadata.judge_entries(text, jsonb) to pgfleet_app;
