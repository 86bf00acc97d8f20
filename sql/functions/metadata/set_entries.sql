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
  v_is_plain boolean;
  v_missing integer;
  v_ordinals integer[];
  v_refusals text[];
  v_versions bigint[];
  v_there boolean[];
  v_durabilities text[];
  v_entity_ids uuid[];
  v_keys text[];
  v_agent_ids text[];
  v_is_durable boolean;
begin
  perform platform.enter(p_tenant);
  -- Most batches change keys that are there, of groups that are not volatile: one plan, without locks but those of the
  -- rows that it updates. Anything else is left to metadata.write_entries, before anything is written.
  with judged as materialized (
    select * from metadata.judge_entries(p_tenant, p_items)
  ),
  allowed as materialized (
    select j.*, j.refusal is null and (j.call is null or j.call <> all (
      coalesce((select array_agg(f.call) from judged f where f.refusal is not null and f.call is not null), '{}')
    )) as is_allowed
    from judged j
  ),
  ranked as materialized (
    select a.*, first_value(a.ordinal) over (partition by a.entity_id, a.key order by a.is_allowed desc, a.ordinal desc) as winner
    from allowed a
  ),
  plain as materialized (
    select not coalesce(bool_or(r.is_volatile or r.is_pending or (r.type is not null and not r.is_there)), false) as is_plain,
      count(*) filter (where r.winner = r.ordinal and r.type is not null and not r.is_same) as expected
    from ranked r
    where r.is_allowed
  ),
  written as (
    update metadata.entries e
    set version = e.version + 1, updated_at = v_now, expires_at = r.expires_at, is_deleted = r.type is null, updated_by = r.agent_id,
      json_value = case when r.type = 'json' then r.value::jsonb end, text_value = case when r.type = 'text' then r.value end,
      integer_value = case when r.type = 'integer' then r.value::bigint end,
      float_value = case when r.type = 'float' then r.value::double precision end,
      boolean_value = case when r.type = 'boolean' then r.value::boolean end,
      bytes_value = case when r.type = 'bytes' then decode(r.value, 'base64') end
    from ranked r
    where (select p.is_plain from plain p) and r.winner = r.ordinal and r.is_allowed and not r.is_same
      and e.tenant_id = p_tenant and e.entity_id = r.entity_id and e.key = r.key and not e.is_deleted
    returning r.ordinal, r.winner, r.type, r.agent_id, r.durability, e.entity_id, e.key, e.version
  ),
  -- Items beside what was written for their winner, by a sort: the settings that keep the look-ups to the index leave no
  -- other way but to compare each with each.
  settled as (
    select s.*, max(s.written) over (partition by s.winner) as present
    from (
      select r.ordinal, r.winner, case when r.is_allowed then null else coalesce(r.refusal, 'call') end as refusal, r.version, r.is_there, r.durability,
        null::bigint as written
      from ranked r
      union all
      select null, w.winner, null, null, null, null, w.version from written w
    ) s
  )
  select p.is_plain, p.expected - w.set, s.ordinals, s.refusals, s.versions, s.there, s.durabilities, w.entity_ids, w.keys, w.agent_ids, w.is_durable
  into v_is_plain, v_missing, v_ordinals, v_refusals, v_versions, v_there, v_durabilities, v_entity_ids, v_keys, v_agent_ids, v_is_durable
  from plain p
  cross join (
    select array_agg(x.entity_id) as entity_ids, array_agg(x.key) as keys, array_agg(x.agent_id) as agent_ids,
      coalesce(bool_or(x.durability = 'durable'), false) as is_durable, count(*) filter (where x.type is not null) as set
    from written x
  ) w
  cross join (
    select array_agg(x.ordinal) as ordinals, array_agg(x.refusal) as refusals, array_agg(coalesce(x.present, x.version)) as versions,
      array_agg(x.is_there) as there, array_agg(x.durability) as durabilities
    from settled x
    where x.ordinal is not null
  ) s;
  if not v_is_plain then
    return query select * from metadata.write_entries(p_tenant, p_items);
    return;
  end if;
  if v_missing > 0 then
    raise exception 'a key was deleted while it was written' using errcode = '40001';
  end if;
  if v_entity_ids is not null then
    perform metadata.record_changes(p_tenant, 'entries', v_entity_ids, v_keys, v_agent_ids, v_is_durable);
  end if;
  return query
  select * from unnest(v_ordinals, v_refusals, v_versions, v_there, v_durabilities);
end
$$;
comment on function metadata.set_entries(text, jsonb) is 'Sets and deletes many keys of entities, with the permission of each item''s agent.';
revoke all on function metadata.set_entries(text, jsonb) from public;
grant execute on function metadata.set_entries(text, jsonb) to pgfleet_app;
