-- memory.lock_graph(changes): locks what the changes touch, and returns their transaction time: later than that of
-- anything recorded of it, and not earlier than now. changes: see memory.change_graph.
--
-- The order is the same for everyone, so that writers wait for each other instead of deadlocking: entities by id, then
-- relationships by id. Relationships alone hold their ends as a foreign key would: asserting and correcting an entity goes
-- on beside them, retracting it waits.
create or replace function memory.lock_graph(p_changes jsonb) returns timestamptz
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_tenant constant text := current_setting('pgfleet.tenant');
  v_start constant timestamptz := clock_timestamp();
  v_stamp timestamptz := v_start;
  v_locked timestamptz;
  v_asserted uuid[];
  v_changed uuid[];
  v_retracted uuid[];
  v_detached uuid[];
  v_ends uuid[];
  v_related uuid[];
begin
  select
    array_agg(x.id) filter (where x.kind = 'entity' and x.op = 'assert'),
    array_agg(x.id) filter (where x.kind = 'entity' and x.op <> 'assert'),
    array_agg(x.id) filter (where x.kind = 'entity' and x.op = 'retract'),
    array_agg(x.id) filter (where x.kind = 'entity' and x.op = 'retract' and x.detach),
    array_agg(coalesce(x.id, memory.relationship_id(x.subject_id, x.type, x.object_id))) filter (where x.kind = 'relationship')
  into v_asserted, v_changed, v_retracted, v_detached, v_related
  from jsonb_to_recordset(p_changes) as x(kind text, op text, id uuid, subject_id uuid, type text, object_id uuid, detach boolean);
  if v_related is not null then
    select array_agg(e.id) into v_ends
    from jsonb_to_recordset(p_changes) as x(kind text, op text, subject_id uuid, object_id uuid)
    cross join lateral (values (x.subject_id), (x.object_id)) as e(id)
    where x.kind = 'relationship' and x.op = 'assert';
  end if;

  if v_asserted is not null or v_changed is not null then
    with locked as (
      insert into memory.entities as e (tenant_id, entity_id, changed_at)
      select v_tenant, k.id, v_stamp
      from (
        select a.id from unnest(v_asserted) as a(id)
        union
        select o.entity_id from memory.entities o where o.tenant_id = v_tenant and o.entity_id = any (v_changed || v_ends)
      ) k
      order by k.id
      on conflict (tenant_id, entity_id) do update
      set changed_at = greatest(excluded.changed_at, e.changed_at + interval '1 microsecond')
      returning e.changed_at
    )
    select greatest(max(l.changed_at), v_stamp) into v_stamp from locked l;
  elsif v_ends is not null then
    select max(l.changed_at) into v_locked
    from (
      select e.changed_at from memory.entities e
      where e.tenant_id = v_tenant and e.entity_id = any (v_ends)
      order by e.entity_id
      for key share
    ) l;
    v_stamp := greatest(v_stamp, v_locked + interval '1 microsecond');
  end if;
  if v_retracted is not null then
    perform from memory.entities e
    where e.tenant_id = v_tenant and e.entity_id = any (v_retracted)
    order by e.entity_id
    for update;
    -- From here on nobody attaches a relationship to them.
    v_related := v_related || array(
      select v.relationship_id from memory.relationship_versions v
      where v.tenant_id = v_tenant and v.subject_id = any (v_detached) and v.superseded_at = 'infinity'
      union
      select v.relationship_id from memory.relationship_versions v
      where v.tenant_id = v_tenant and v.object_id = any (v_detached) and v.superseded_at = 'infinity'
    );
    -- What ended at its relationships may have run ahead of the clock.
    select max(greatest(v.recorded_at, case when v.superseded_at < 'infinity' then v.superseded_at end)) into v_locked
    from memory.relationship_versions v
    where v.tenant_id = v_tenant and (v.subject_id = any (v_retracted) or v.object_id = any (v_retracted));
    v_stamp := greatest(v_stamp, v_locked);
  end if;

  if cardinality(v_related) > 0 then
    with locked as (
      insert into memory.relationships as r (tenant_id, relationship_id, changed_at)
      select v_tenant, k.id, v_stamp
      from (select distinct u.id from unnest(v_related) as u(id)) k
      order by k.id
      on conflict (tenant_id, relationship_id) do update
      set changed_at = greatest(excluded.changed_at, r.changed_at + interval '1 microsecond')
      returning r.changed_at
    )
    select greatest(max(l.changed_at), v_stamp) into v_stamp from locked l;
  end if;
  if v_stamp > v_start then
    -- The clock stood behind one of them: all go by the latest.
    update memory.entities e set changed_at = v_stamp
    where e.tenant_id = v_tenant and e.entity_id = any (v_asserted || v_changed) and e.changed_at < v_stamp;
    update memory.relationships r set changed_at = v_stamp
    where r.tenant_id = v_tenant and r.relationship_id = any (v_related) and r.changed_at < v_stamp;
  end if;
  return v_stamp;
end
$$;
comment on function memory.lock_graph(jsonb) is 'Locks the entities and relationships of many changes in one order, and returns the transaction time of the changes.';
revoke all on function memory.lock_graph(jsonb) from public;
grant execute on function memory.lock_graph(jsonb) to pgfleet_app;
