-- memory.lock_graph(changes): locks what the changes touch, and returns their transaction time: later than that of
-- anything recorded of it, and not earlier than now. changes: see memory.change_graph.
-- Errors: PF030 an end of a relationship to assert is unknown.
--
-- Why writers wait for each other and never deadlock: everyone locks in one order, the heads of entities by id, then those
-- of relationships by id; each head once, at once as strongly as it will be needed:
--   relationships alone: their ends for key share, so that entities go on being asserted and corrected beside them;
--   with entities: every head of the batch by an upsert (no key update), the ends of its relationships among them;
--   with entities to retract: the same upsert sets the key to itself, which makes it lock for update, so that relationships
--   at them wait. Never by a second, stronger lock: key share on a row that was updated meanwhile waits for whoever updates
--   it now, however weakly, so whoever strengthens a lock can wait for one who waits for it.
-- A head that is missing is made, not skipped: one that another transaction commits a moment later would be changed without
-- a lock, or be locked out of order. Where that was wrong, the error takes it back. What follows writes rows of locked heads
-- alone: exclusion constraints and unique keys of versions are within one head, so nobody is waited for there.
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
  v_changed uuid[];
  v_retracted uuid[];
  v_detached uuid[];
  v_ends uuid[];
  v_related uuid[];
  v_known uuid[];
  v_unknown record;
begin
  select
    array_agg(x.id) filter (where x.kind = 'entity'),
    array_agg(x.id) filter (where x.kind = 'entity' and x.op = 'retract'),
    array_agg(x.id) filter (where x.kind = 'entity' and x.op = 'retract' and x.detach),
    array_agg(coalesce(x.id, memory.relationship_id(x.subject_id, x.type, x.object_id))) filter (where x.kind = 'relationship')
  into v_changed, v_retracted, v_detached, v_related
  from jsonb_to_recordset(p_changes) as x(kind text, op text, id uuid, subject_id uuid, type text, object_id uuid, detach boolean);
  if v_related is not null then
    select array_agg(distinct e.id) into v_ends
    from jsonb_to_recordset(p_changes) as x(kind text, op text, subject_id uuid, object_id uuid)
    cross join lateral (values (x.subject_id), (x.object_id)) as e(id)
    where x.kind = 'relationship' and x.op = 'assert';
  end if;

  if v_retracted is not null then
    with locked as (
      insert into memory.entities as e (tenant_id, entity_id, changed_at)
      select v_tenant, k.id, v_stamp
      from (select distinct u.id from unnest(v_changed || v_ends) as u(id)) k
      order by k.id
      on conflict (tenant_id, entity_id) do update
      set entity_id = excluded.entity_id, changed_at = greatest(excluded.changed_at, e.changed_at + interval '1 microsecond')
      returning e.changed_at
    )
    select greatest(max(l.changed_at), v_stamp) into v_stamp from locked l;
    -- From here on nobody attaches a relationship to them.
    v_related := v_related || array(
      select v.relationship_id
      from unnest(v_detached) as d(id)
      cross join lateral (
        select o.relationship_id from memory.relationship_versions o
        where o.tenant_id = v_tenant and o.subject_id = d.id and o.superseded_at >= 'infinity'
        offset 0
      ) v
      union
      select v.relationship_id
      from unnest(v_detached) as d(id)
      cross join lateral (
        select o.relationship_id from memory.relationship_versions o
        where o.tenant_id = v_tenant and o.object_id = d.id and o.superseded_at >= 'infinity'
        offset 0
      ) v
    );
    -- What ended at its relationships may have run ahead of the clock.
    select max(greatest(v.recorded_at, case when v.superseded_at < 'infinity' then v.superseded_at end)) into v_locked
    from unnest(v_retracted) as d(id)
    cross join lateral (
      (
        select o.recorded_at, o.superseded_at from memory.relationship_versions o
        where o.tenant_id = v_tenant and o.subject_id = d.id
        offset 0
      )
      union all
      (
        select o.recorded_at, o.superseded_at from memory.relationship_versions o
        where o.tenant_id = v_tenant and o.object_id = d.id
        offset 0
      )
    ) v;
    v_stamp := greatest(v_stamp, v_locked);
  elsif v_changed is not null then
    with locked as (
      insert into memory.entities as e (tenant_id, entity_id, changed_at)
      select v_tenant, k.id, v_stamp
      from (select distinct u.id from unnest(v_changed || v_ends) as u(id)) k
      order by k.id
      on conflict (tenant_id, entity_id) do update
      set changed_at = greatest(excluded.changed_at, e.changed_at + interval '1 microsecond')
      returning e.changed_at
    )
    select greatest(max(l.changed_at), v_stamp) into v_stamp from locked l;
  elsif v_ends is not null then
    select max(l.changed_at), array_agg(l.entity_id) into v_locked, v_known
    from (
      select e.entity_id, e.changed_at from memory.entities e
      where e.tenant_id = v_tenant and e.entity_id = any (v_ends)
      order by e.entity_id
      for key share
    ) l;
    if cardinality(v_known) is distinct from cardinality(v_ends) then
      select x.ordinality, e.name, e.id, x.field into v_unknown
      from rows from (jsonb_to_recordset(p_changes) as (kind text, op text, subject_id uuid, object_id uuid, field text)) with ordinality as x
      cross join lateral (values ('subjectId', x.subject_id), ('objectId', x.object_id)) as e(name, id)
      where x.kind = 'relationship' and x.op = 'assert' and not e.id = any (coalesce(v_known, '{}'))
      order by x.ordinality, e.name desc
      limit 1;
      raise exception 'the tenant has no entity %', v_unknown.id
        using errcode = 'PF030', column = format('%s.%s', coalesce(v_unknown.field, format('relationships[%s]', v_unknown.ordinality - 1)), v_unknown.name);
    end if;
    v_stamp := greatest(v_stamp, v_locked + interval '1 microsecond');
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
    where e.tenant_id = v_tenant and e.entity_id = any (v_changed) and e.changed_at < v_stamp;
    update memory.relationships r set changed_at = v_stamp
    where r.tenant_id = v_tenant and r.relationship_id = any (v_related) and r.changed_at < v_stamp;
  end if;
  return v_stamp;
end
$$;
comment on function memory.lock_graph(jsonb) is 'Locks the entities and relationships of many changes in one order, and returns the transaction time of the changes.';
revoke all on function memory.lock_graph(jsonb) from public;
grant execute on function memory.lock_graph(jsonb) to pgfleet_app;
