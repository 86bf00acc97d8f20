-- memory.change_graph(tenant, changes): asserts, corrects and retracts entities and relationships. History is kept: the
-- transaction time of what is no longer believed ends, and what is believed instead is recorded beside it.
--
-- changes: a jsonb array of objects
--   kind text: entity | relationship;  op text: assert | correct | retract
--   valid_from, valid_to: the valid time that it is about, half-open; absent means without bound
--   an entity: id uuid; type, name text: required to assert;  detach bool (false): retract its relationships with it
--   a relationship: subject_id uuid, type text, object_id uuid;  id uuid: memory.relationship_id of the three, where the
--   caller has made it
--   properties jsonb: an object; to correct, members replace those of the same name, and null removes
--   episode_id uuid
-- assert: that this holds over the valid time, whatever was believed of it. correct: what is believed over that time,
-- with other values; where nothing is believed, nothing comes to be. retract: nothing is believed over that time.
-- returns one row a change: the id, whether it changed what is believed, and its transaction time. Changes of one entity or
-- relationship apply in the order of the array, a microsecond apart.
-- Errors: PF001..PF003 (platform.enter), PF007 the quota is reached, PF030 unknown entity, PF031 unknown relationship, PF032 an entity to retract has
-- relationships.
create or replace function memory.change_graph(p_tenant text, p_changes jsonb)
returns table (ordinal integer, id uuid, changed boolean, recorded_at text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_change constant jsonb := p_changes -> 0;
  v_id uuid;
  v_since timestamptz;
  v_until timestamptz;
  v_time timestamptz;
begin
  perform platform.enter(p_tenant);
  -- What is known can still be corrected and retracted.
  if jsonb_path_exists(p_changes, '$[*] ? (@.kind == "entity" && @.op == "assert")') then
    perform platform.check_quota(p_tenant, 'entities');
  end if;
  -- Most often one is asserted of which nothing was known before: then there is no head of it, and nothing else to heed.
  -- What follows goes on from any other case; the locks are those of memory.lock_graph, in its order.
  if jsonb_array_length(p_changes) = 1 and v_change ->> 'op' = 'assert' then
    v_since := coalesce((v_change ->> 'valid_from')::timestamptz, '-infinity');
    v_until := coalesce((v_change ->> 'valid_to')::timestamptz, 'infinity');
    v_time := clock_timestamp();
    if v_change ->> 'kind' = 'entity' then
      v_id := (v_change ->> 'id')::uuid;
      with head as (
        insert into memory.entities (tenant_id, entity_id, changed_at)
        values (p_tenant, v_id, v_time)
        on conflict (tenant_id, entity_id) do nothing
        returning entity_id
      )
      insert into memory.entity_versions (tenant_id, entity_id, valid_from, valid_to, recorded_at, episode_id, entity_type, entity_name, properties)
      select p_tenant, h.entity_id, v_since, v_until, v_time, (v_change ->> 'episode_id')::uuid, v_change ->> 'type', v_change ->> 'name',
        coalesce(nullif(v_change -> 'properties', 'null'), '{}'::jsonb)
      from head h;
    else
      v_id := coalesce((v_change ->> 'id')::uuid,
        memory.relationship_id((v_change ->> 'subject_id')::uuid, v_change ->> 'type', (v_change ->> 'object_id')::uuid));
      select greatest(max(l.changed_at) + interval '1 microsecond', v_time) into v_time
      from (
        select e.changed_at from memory.entities e
        where e.tenant_id = p_tenant and e.entity_id = any (array[(v_change ->> 'subject_id')::uuid, (v_change ->> 'object_id')::uuid])
        order by e.entity_id
        for key share
      ) l;
      with head as (
        insert into memory.relationships (tenant_id, relationship_id, changed_at)
        values (p_tenant, v_id, v_time)
        on conflict (tenant_id, relationship_id) do nothing
        returning relationship_id
      )
      insert into memory.relationship_versions (tenant_id, relationship_id, valid_from, valid_to, recorded_at, episode_id, subject_id, relationship_type, object_id, properties)
      select p_tenant, h.relationship_id, v_since, v_until, v_time, (v_change ->> 'episode_id')::uuid, (v_change ->> 'subject_id')::uuid,
        v_change ->> 'type', (v_change ->> 'object_id')::uuid, coalesce(nullif(v_change -> 'properties', 'null'), '{}'::jsonb)
      from head h
      where not exists (
        -- An end that is not there over all of the time; most often one version covers it.
        select from unnest(array[(v_change ->> 'subject_id')::uuid, (v_change ->> 'object_id')::uuid]) as x(id)
        where not exists (
          select from memory.entity_versions v
          where v.tenant_id = p_tenant and v.entity_id = x.id and v.superseded_at >= 'infinity' and v.valid_from <= v_since and v.valid_to >= v_until
          offset 0
        ) and not coalesce((
          select range_agg(tstzrange(v.valid_from, v.valid_to)) @> tstzrange(v_since, v_until)
          from memory.entity_versions v
          where v.tenant_id = p_tenant and v.entity_id = x.id and v.superseded_at >= 'infinity' and v.valid_from < v_until and v.valid_to > v_since
        ), false)
      );
    end if;
    if found then
      return query values (1, v_id, true, memory.instant(v_time));
      return;
    end if;
  end if;
  return query
  select a.ordinal, a.id, a.changed, memory.instant(a.recorded_at)
  from memory.apply_changes(p_changes, memory.lock_graph(p_changes), interval '1 microsecond', null) a;
end
$$;
comment on function memory.change_graph(text, jsonb) is 'Asserts, corrects and retracts many entities and relationships.';
revoke all on function memory.change_graph(text, jsonb) from public;
grant execute on function memory.change_graph(text, jsonb) to pgfleet_app;
