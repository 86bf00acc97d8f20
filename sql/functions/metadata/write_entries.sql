-- metadata.write_entries(tenant, items): what metadata.set_entries leaves to it: keys that are not there yet, groups that are
-- volatile, and expected versions. items and rows as there; `expected` bigint: written only when the key is at this version,
-- 0 when it is not there, else refused as stale; such a key stands once among the items.
--
-- Locks are taken in one order: entities, metadata.volatile_entries, metadata.entries, each by key. Whatever makes a key, or
-- reaches metadata.entries, holds its entity, so that the quota is exact and nobody makes the same key beside it.
-- What a volatile group is given goes to metadata.volatile_entries; a write that asks for more, or meets a row there though
-- the group is not volatile any more, takes its version from that row and then moves it to metadata.entries.
create or replace function metadata.write_entries(p_tenant text, p_items jsonb)
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
  v_items metadata.judged_entry[];
  v_makes boolean;
  v_needed uuid[];
  v_held uuid[] := '{}';
  v_is_exclusive boolean := false;
  v_keys_max integer;
  v_counts jsonb;
  v_stale integer[] := '{}';
  v_full integer[] := '{}';
  v_calls bigint[] := '{}';
  v_winners metadata.judged_entry[];
begin
  perform platform.enter(p_tenant);
  loop
    v_items := array(select j from metadata.judge_entries(p_tenant, p_items) j);
    v_makes := exists (
      select from unnest(v_items) i
      where i.entity_id is not null and not i.is_same
        and (i.durability <> 'volatile' or not i.is_volatile or not i.is_there or i.expected is not null)
    );
    -- Whoever removes an entity for its age holds it, and looks for newer entries then: so those that may expire are held, too.
    v_needed := array(select distinct i.entity_id from unnest(v_items) i where i.entity_id is not null and (v_makes or i.may_expire));
    -- Judged again once they are held: meanwhile an entity may have given way to another of its name.
    exit when v_needed <@ v_held and (v_is_exclusive or not v_makes);
    v_is_exclusive := v_makes;
    if v_makes then
      v_held := array(
        select e.entity_id from metadata.entities e
        where e.tenant_id = p_tenant and e.entity_id = any (v_needed)
        order by e.entity_id
        for no key update
      );
      perform from (select distinct i.entity_id, i.key from unnest(v_items) i) x
      join metadata.volatile_entries e on e.tenant_id = p_tenant and e.entity_id = x.entity_id and e.key = x.key
      order by e.entity_id, e.key
      for no key update of e;
      perform from (select distinct i.entity_id, i.key from unnest(v_items) i) x
      join metadata.entries e on e.tenant_id = p_tenant and e.entity_id = x.entity_id and e.key = x.key
      order by e.entity_id, e.key
      for no key update of e;
    else
      v_held := array(
        select e.entity_id from metadata.entities e
        where e.tenant_id = p_tenant and e.entity_id = any (v_needed)
        order by e.entity_id
        for key share
      );
    end if;
  end loop;

  v_stale := array(
    select i.ordinal from unnest(v_items) i
    where i.refusal is null and i.expected <> case when i.is_there then i.version else 0 end
  );
  v_calls := array(
    select i.call from unnest(v_items) i where i.call is not null and (i.refusal is not null or i.ordinal = any (v_stale))
  );
  if exists (select from unnest(v_items) i where i.refusal is null and i.type is not null and not i.is_there) then
    select coalesce((t.quotas ->> 'metadata_keys_per_entity')::integer, 1000) into v_keys_max
    from platform.tenants t where t.tenant_id = p_tenant;
    select jsonb_object_agg(n.entity_id, p.many) into v_counts
    from (select distinct i.entity_id from unnest(v_items) i where i.refusal is null and i.type is not null and not i.is_there) n
    cross join lateral (
      select count(*) as many from metadata.present_entries p
      where p.tenant_id = p_tenant and p.entity_id = n.entity_id and p.type is not null and p.expires_at > v_now
    ) p;
    -- Keys of single calls come first: what a call of many keys has no room for refuses all of it.
    v_full := array(
      select i.ordinal
      from (
        select n.*, row_number() over (partition by n.entity_id order by n.is_call, n.ordinal) as place
        from (
          select i.entity_id, i.key, min(i.ordinal) as ordinal, array_agg(i.ordinal) as ordinals, bool_and(i.call is not null) as is_call
          from unnest(v_items) i
          where i.refusal is null and i.type is not null and not i.is_there and i.ordinal <> all (v_stale) and (i.call is null or i.call <> all (v_calls))
          group by i.entity_id, i.key
        ) n
      ) n
      cross join unnest(n.ordinals) i(ordinal)
      where n.place + (v_counts ->> n.entity_id::text)::integer > v_keys_max
    );
    v_calls := v_calls || array(select i.call from unnest(v_items) i where i.call is not null and i.ordinal = any (v_full));
  end if;
  v_winners := array(
    select w from (
      select distinct on (i.entity_id, i.key) i.*
      from unnest(v_items) i
      where i.refusal is null and i.ordinal <> all (v_stale) and i.ordinal <> all (v_full) and (i.call is null or i.call <> all (v_calls))
      order by i.entity_id, i.key, i.ordinal desc
    ) w
    where not w.is_same
  );

  if exists (select from unnest(v_winners) w where w.is_volatile or w.is_pending) then
    perform metadata.write_volatile(p_tenant, array(select w from unnest(v_winners) w where w.is_volatile or w.is_pending));
  end if;

  insert into metadata.entries as e (tenant_id, entity_id, key, version, created_at, updated_at, expires_at, is_deleted, updated_by,
    json_value, text_value, integer_value, float_value, boolean_value, bytes_value)
  select p_tenant, w.entity_id, w.key, w.version + 1, v_now, v_now, w.expires_at, w.type is null, w.agent_id,
    case when w.type = 'json' then w.value::jsonb end, case when w.type = 'text' then w.value end,
    case when w.type = 'integer' then w.value::bigint end, case when w.type = 'float' then w.value::double precision end,
    case when w.type = 'boolean' then w.value::boolean end, case when w.type = 'bytes' then decode(w.value, 'base64') end
  from unnest(v_winners) w
  where not w.is_volatile and not w.is_pending
  order by w.entity_id, w.key
  on conflict (tenant_id, entity_id, key) do update
  set version = greatest(e.version + 1, excluded.version), updated_at = excluded.updated_at, expires_at = excluded.expires_at,
    created_at = case when e.is_deleted or e.expires_at <= excluded.updated_at then excluded.updated_at else e.created_at end,
    is_deleted = excluded.is_deleted, updated_by = excluded.updated_by, json_value = excluded.json_value, text_value = excluded.text_value,
    integer_value = excluded.integer_value, float_value = excluded.float_value, boolean_value = excluded.boolean_value,
    bytes_value = excluded.bytes_value;

  if cardinality(v_winners) > 0 then
    perform metadata.record_changes(p_tenant, 'entries', array(select w.entity_id from unnest(v_winners) w),
      array(select w.key from unnest(v_winners) w), array(select w.agent_id from unnest(v_winners) w),
      (select bool_or(w.durability = 'durable') from unnest(v_winners) w));
  end if;

  return query
  select i.ordinal,
    case
      when i.refusal is not null then i.refusal
      when i.ordinal = any (v_stale) then 'stale'
      when i.ordinal = any (v_full) then 'quota_keys'
      when i.call = any (v_calls) then 'call'
    end,
    case when i.ordinal = any (v_stale) then case when i.is_there then i.version else 0 end else coalesce(p.version, i.version) end,
    i.is_there, i.durability
  from unnest(v_items) i
  left join lateral (
    select q.version from metadata.present_entries q
    where q.tenant_id = p_tenant and q.entity_id = i.entity_id and q.key = i.key
    offset 0
  ) p on true;
end
$$;
comment on function metadata.write_entries(text, jsonb) is 'Writes keys that are new, of volatile groups, or at an expected version; part of set_entries and compare_and_set.';
revoke all on function metadata.write_entries(text, jsonb) from public;
grant execute on function metadata.write_entries(text, jsonb) to pgfleet_app;
