-- metadata.set_entries(tenant, items): sets and deletes keys of entities.
--
-- items: a jsonb array of objects
--   entity text (its name), key text: required
--   type text (json | text | integer | float | boolean | bytes) and value text: as text, JSON as its text, bytes in base64;
--     without a type the key is deleted
--   agent text: who writes, for the permission; absent: the service itself, which may do everything
--   ttl_ms number: the key is gone after so many milliseconds; absent: it stays
--   durability text (durable | async): more than the group's; less is not given
--   call bigint: items of one call are written all or none; absent: each by itself. A key stands once in a call
-- returns one row an item: the key's version after it; whether the key was there before; the durability that the group
-- gives, or why the item was refused: unknown_entity, forbidden, quota_key, quota_value, quota_keys, or call when another
-- item of its call was. Refused items are never in the way of others. Of several items for one key the last one that is
-- allowed is written, and the others have its version. What changes nothing writes nothing.
-- Keys are locked in the order (entity_id, key), entities before them, so batches wait for each other and do not deadlock.
-- Errors: PF001..PF003 (platform.enter); 40001 when a key was deleted at the same moment: repeat.
create or replace function metadata.set_entries(p_tenant text, p_items jsonb)
returns table (ordinal integer, refusal text, version bigint, was_there boolean, durability text)
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
  v_key_length integer;
  v_value_bytes integer;
  v_is_plain boolean;
  v_missing integer;
  v_ordinals integer[];
  v_winners integer[];
  v_refusals text[];
  v_versions bigint[];
  v_there boolean[];
  v_durabilities text[];
  v_written_ordinals integer[];
  v_written_versions bigint[];
  v_entity_ids uuid[];
  v_names text[];
  v_groups text[];
  v_channels text[];
  v_move_counts bigint[];
  v_keys text[];
  v_agents text[];
  v_is_durable boolean;
  v_is_unmoved boolean;
  v_after bigint[];
begin
  perform platform.enter(p_tenant);
  select coalesce((t.quotas ->> 'metadata_key_length')::integer, 200), coalesce((t.quotas ->> 'metadata_value_bytes')::integer, 65536)
  into v_key_length, v_value_bytes
  from platform.tenants t where t.tenant_id = p_tenant;
  -- Most batches change keys that are there, of groups that are not volatile: one plan, without locks but those of the
  -- rows that it updates. Anything else is left to metadata.write_entries, before anything is written. What decides stands
  -- here as in metadata.judge_entries, which looks at more and costs more.
  with item as materialized (
    select x.*, x.refusal is null as is_allowed,
      first_value(x.ordinal) over (partition by x.entity_id, x.key order by x.refusal is null desc, x.ordinal desc) as winner
    from (
      select i.ordinality::integer as ordinal, i.key, i.agent, i.call, i.type, i.value, i.durability = 'durable' as is_durable,
        e.entity_id, e.name, e.sync_group, e.channel, g.move_count, g.durability, s.version, s.version is not null as is_there, v.version is not null as is_pending,
        case
          when i.type is null then v_now + interval '2 hours'
          when i.ttl_ms is null then 'infinity'
          else v_now + i.ttl_ms * interval '1 millisecond'
        end as expires_at,
        case i.type
          when 'integer' then s.integer_value = i.value::bigint
          when 'float' then s.float_value = i.value::double precision
          when 'text' then s.text_value = i.value
          when 'json' then s.json_value = i.value::jsonb
          when 'boolean' then s.boolean_value = i.value::boolean
          when 'bytes' then s.bytes_value = decode(i.value, 'base64')
          else s.version is null
        end is true and case
          when i.type is null then true
          when i.ttl_ms is null then s.expires_at = 'infinity'
          else abs(date_part('epoch', s.expires_at - v_now) * 1000 - i.ttl_ms) <= i.ttl_ms / 10
        end is true as is_same,
        case
          when e.entity_id is null then 'unknown_entity'
          when i.agent is not null and case when i.type is null then r.can_delete when s.version is null then r.can_insert else r.can_update end is not true
            then 'forbidden'
          when length(i.key) > v_key_length then 'quota_key'
          when case i.type when 'bytes' then octet_length(i.value) / 4 * 3 else octet_length(i.value) end > v_value_bytes then 'quota_value'
        end as refusal
      from rows from (
        jsonb_to_recordset(p_items) as (entity text, key text, agent text, type text, value text, ttl_ms double precision, durability text, call bigint)
      ) with ordinality as i
      left join metadata.entities e
        on e.tenant_id = p_tenant and e.name = i.entity
        and case
          when e.expire_after_update_ms is null and e.expire_after_creation_ms is null then true
          else not metadata.is_over(p_tenant, e.entity_id, e.created_at, e.updated_at, e.expire_after_creation_ms, e.expire_after_update_ms)
        end
      left join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = e.sync_group
      left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = i.agent and r.sync_group = e.sync_group
      left join metadata.entries s
        on s.tenant_id = p_tenant and s.entity_id = e.entity_id and s.key = i.key and not s.is_deleted and s.expires_at > v_now
      left join metadata.volatile_entries v
        on v.tenant_id = p_tenant and v.entity_id = e.entity_id and v.key = i.key
        and (select exists (select from metadata.volatile_entries y where y.tenant_id = p_tenant))
    ) x
  ),
  plain as materialized (
    select coalesce(bool_and(case
        -- What is pending may be what decides whether the item is allowed.
        when i.durability = 'volatile' or i.is_pending then false
        when i.is_allowed then i.is_there or i.type is null
        else i.call is null
      end), true) as is_plain,
      count(*) filter (where i.winner = i.ordinal and i.is_allowed and i.type is not null and not i.is_same) as expected
    from item i
  ),
  written as (
    update metadata.entries e
    set version = e.version + 1, updated_at = v_now, expires_at = i.expires_at, is_deleted = i.type is null, updated_by = i.agent,
      json_value = case when i.type = 'json' then i.value::jsonb end, text_value = case when i.type = 'text' then i.value end,
      integer_value = case when i.type = 'integer' then i.value::bigint end,
      float_value = case when i.type = 'float' then i.value::double precision end,
      boolean_value = case when i.type = 'boolean' then i.value::boolean end,
      bytes_value = case when i.type = 'bytes' then decode(i.value, 'base64') end
    from item i
    where (select p.is_plain from plain p) and i.winner = i.ordinal and i.is_allowed and not i.is_same
      and e.tenant_id = p_tenant and e.entity_id = i.entity_id and e.key = i.key and not e.is_deleted
    returning i.ordinal, i.type, i.agent, i.name, i.sync_group, i.channel, i.move_count, i.durability = 'durable' or i.is_durable is true as is_durable,
      e.entity_id, e.key, e.version
  )
  select p.is_plain, p.expected - w.set, s.ordinals, s.winners, s.refusals, s.versions, s.there, s.durabilities, w.ordinals, w.versions,
    w.entity_ids, w.names, w.sync_groups, w.channels, w.move_counts, w.keys, w.agents, w.is_durable
  into v_is_plain, v_missing, v_ordinals, v_winners, v_refusals, v_versions, v_there, v_durabilities, v_written_ordinals, v_written_versions,
    v_entity_ids, v_names, v_groups, v_channels, v_move_counts, v_keys, v_agents, v_is_durable
  from plain p
  cross join (
    select array_agg(x.ordinal) as ordinals, array_agg(x.version) as versions, array_agg(x.entity_id) as entity_ids, array_agg(x.name) as names,
      array_agg(x.sync_group) as sync_groups, array_agg(x.channel) as channels, array_agg(x.move_count) as move_counts,
      array_agg(x.key) as keys, array_agg(x.agent) as agents, bool_or(x.is_durable) as is_durable, count(*) filter (where x.type is not null) as set
    from written x
  ) w
  cross join (
    select array_agg(i.ordinal) as ordinals, array_agg(i.winner) as winners, array_agg(i.refusal) as refusals, array_agg(i.version) as versions,
      array_agg(i.is_there) as there, array_agg(case when i.is_durable then 'durable' else i.durability end) as durabilities
    from item i
  ) s;
  if not v_is_plain then
    return query select * from metadata.write_entries(p_tenant, p_items);
    return;
  end if;
  if v_missing > 0 then
    raise exception 'a key was deleted while it was written' using errcode = '40001';
  end if;
  if v_entity_ids is not null then
    -- Looked at now, with all rows locked: whoever moved one of these entities meanwhile has counted it, and who comes later
    -- waits for this transaction.
    select bool_and(g.move_count is not distinct from x.move_count), v_is_durable or bool_or(g.durability = 'durable')
    into v_is_unmoved, v_is_durable
    from (select distinct * from unnest(v_groups, v_move_counts)) x(sync_group, move_count)
    left join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = x.sync_group;
    if v_is_unmoved then
      insert into metadata.changes (tenant_id, sync_group, kind, entity_ids, names, channels, keys, agent_ids)
      select p_tenant, x.sync_group, 'entries', array_agg(x.entity_id), array_agg(x.name), array_agg(x.channel), array_agg(x.key),
        coalesce(array_agg(distinct x.agent) filter (where x.agent is not null), '{}')
      from unnest(v_groups, v_entity_ids, v_names, v_channels, v_keys, v_agents) as x(sync_group, entity_id, name, channel, key, agent)
      group by x.sync_group;
      if v_is_durable and current_setting('synchronous_commit') = 'off' then
        set local synchronous_commit to default;
      end if;
    else
      perform metadata.record_changes(p_tenant, 'entries', v_entity_ids, v_keys, v_agents, v_is_durable);
    end if;
  end if;
  if cardinality(v_written_ordinals) = cardinality(v_ordinals) then
    return query
    select u.ordinal, null::text, u.version, true, u.durability
    from unnest(v_written_ordinals, v_written_versions, v_durabilities) as u(ordinal, version, durability);
    return;
  end if;
  v_after := array_fill(null::bigint, array[coalesce(cardinality(v_ordinals), 0)]);
  for n in 1 .. coalesce(cardinality(v_written_ordinals), 0) loop
    v_after[v_written_ordinals[n]] := v_written_versions[n];
  end loop;
  return query
  select u.ordinal, u.refusal, coalesce(v_after[u.winner], u.version), u.there, u.durability
  from unnest(v_ordinals, v_winners, v_refusals, v_versions, v_there, v_durabilities) as u(ordinal, winner, refusal, version, there, durability);
end
$$;
comment on function metadata.set_entries(text, jsonb) is 'Sets and deletes many keys of entities, with the permission of each item''s agent.';
revoke all on function metadata.set_entries(text, jsonb) from public;
grant execute on function metadata.set_entries(text, jsonb) to pgfleet_app;
