-- memory.change_relationships(changes, time, field): applies changes of relationships, each relationship once, at
-- one transaction time; the inner half of memory.apply_changes. The relationships are locked, and the ends of those that
-- are asserted. changes: see memory.change_graph, with ordinals. Works as memory.change_entities does.
-- Errors: PF030 an end of an asserted relationship does not exist over all of its valid time; PF031 nothing is known of the
-- relationship to correct or retract.
create or replace function memory.change_relationships(p_changes jsonb, p_time timestamptz, p_field text)
returns table (ordinal integer, changed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_tenant constant text := current_setting('pgfleet.tenant');
  v_bad record;
  v_unknown integer;
  v_ended tid[];
  v_begun memory.relationship_versions[];
  v_changed integer[];
begin
  -- Each end has to exist over all of the relationship's valid time.
  select x.ordinal, e.name, e.id into v_bad
  from jsonb_to_recordset(p_changes) as x(ordinal integer, op text, id uuid, subject_id uuid, object_id uuid, valid_from timestamptz, valid_to timestamptz)
  cross join lateral (values ('subjectId', x.subject_id), ('objectId', x.object_id)) as e(name, id)
  where x.op = 'assert' and not coalesce((
    select range_agg(tstzrange(v.valid_from, v.valid_to)) @> tstzrange(coalesce(x.valid_from, '-infinity'), coalesce(x.valid_to, 'infinity'))
    from memory.entity_versions v
    where v.tenant_id = v_tenant and v.entity_id = e.id and v.superseded_at >= 'infinity'
      and v.valid_from < coalesce(x.valid_to, 'infinity') and v.valid_to > coalesce(x.valid_from, '-infinity')
  ), false)
  order by x.ordinal, e.name desc
  limit 1;
  if found then
    raise exception 'entity % does not exist over all of the valid time of the relationship', v_bad.id
      using errcode = 'PF030', column = format('%s[%s].%s', coalesce(p_field, 'relationships'), v_bad.ordinal - 1, v_bad.name);
  end if;
  -- Most often nothing is known yet of what is asserted.
  if not exists (
    select from (
      select coalesce(c.id, memory.relationship_id(c.subject_id, c.type, c.object_id)) as id
      from jsonb_to_recordset(p_changes) as c(id uuid, subject_id uuid, type text, object_id uuid)
      offset 0
    ) x
    cross join lateral (
      -- By key, one change after the other, however little the planner knows of the table; not = 'infinity', which would allow
      -- the index of the exclusion constraint.
      select from memory.relationship_versions o
      where o.tenant_id = v_tenant and o.relationship_id = x.id and o.superseded_at >= 'infinity'
      offset 0
    ) v
  ) and not jsonb_path_exists(p_changes, '$[*] ? (@.op != "assert")') then
    insert into memory.relationship_versions (tenant_id, relationship_id, valid_from, valid_to, recorded_at, episode_id, subject_id, relationship_type, object_id, properties)
    select v_tenant, coalesce(x.id, memory.relationship_id(x.subject_id, x.type, x.object_id)), coalesce(x.valid_from, '-infinity'),
      coalesce(x.valid_to, 'infinity'), p_time, x.episode_id, x.subject_id, x.type, x.object_id, coalesce(x.properties, '{}'::jsonb)
    from jsonb_to_recordset(p_changes) as x(ordinal integer, op text, id uuid, subject_id uuid, type text, object_id uuid,
      properties jsonb, valid_from timestamptz, valid_to timestamptz, episode_id uuid);
    return query select x.ordinal, true from jsonb_to_recordset(p_changes) as x(ordinal integer);
    return;
  end if;

  select min(x.ordinal) into v_unknown
  from (
    select c.ordinal, coalesce(c.id, memory.relationship_id(c.subject_id, c.type, c.object_id)) as id
    from jsonb_to_recordset(p_changes) as c(ordinal integer, op text, id uuid, subject_id uuid, type text, object_id uuid)
    where c.op <> 'assert'
    offset 0
  ) x
  where not exists (
    select from memory.relationship_versions v
    where v.tenant_id = v_tenant and v.relationship_id = x.id and v.superseded_at > '-infinity'
    offset 0
  );
  if v_unknown is not null then
    raise exception 'the tenant has no relationship of that subject, type and object'
      using errcode = 'PF031', column = format('%s[%s].objectId', coalesce(p_field, 'relationships'), v_unknown - 1);
  end if;

  with change as materialized (
    select x.ordinal, x.op, coalesce(x.id, memory.relationship_id(x.subject_id, x.type, x.object_id)) as id, x.subject_id, x.type as relationship_type, x.object_id, coalesce(x.properties, '{}'::jsonb) as properties, x.properties as patch,
      x.episode_id, coalesce(x.valid_from, '-infinity') as since, coalesce(x.valid_to, 'infinity') as until
    from jsonb_to_recordset(p_changes) as x(ordinal integer, op text, id uuid, subject_id uuid, type text, object_id uuid,
      properties jsonb, valid_from timestamptz, valid_to timestamptz, episode_id uuid)
  ),
  touched as materialized (
    select c.ordinal, c.op, c.id, c.since, c.until, v.place, v.valid_from, v.valid_to, v.episode_id, v.subject_id, v.relationship_type, v.object_id, v.properties
    from change c
    cross join lateral (
      -- As above.
      select o.ctid as place, o.* from memory.relationship_versions o
      where o.tenant_id = v_tenant and o.relationship_id = c.id and o.superseded_at >= 'infinity'
        and o.valid_from <= c.until and o.valid_to >= c.since
      offset 0
    ) v
  ),
  piece as (
    select t.ordinal, t.id, t.valid_from, least(t.valid_to, t.since) as valid_to, false as is_new, t.episode_id, t.subject_id, t.relationship_type, t.object_id, t.properties
    from touched t
    where t.valid_from < t.since
    union all
    select t.ordinal, t.id, greatest(t.valid_from, t.until), t.valid_to, false, t.episode_id, t.subject_id, t.relationship_type, t.object_id, t.properties
    from touched t
    where t.valid_to > t.until
    union all
    select t.ordinal, t.id, greatest(t.valid_from, t.since), least(t.valid_to, t.until), true, c.episode_id, t.subject_id, t.relationship_type, t.object_id,
      coalesce((t.properties || c.patch) - array(select k.key from jsonb_each(c.patch) k where k.value = 'null'::jsonb), t.properties)
    from touched t
    join change c on c.ordinal = t.ordinal
    where t.op = 'correct' and t.valid_from < t.until and t.valid_to > t.since
    union all
    select c.ordinal, c.id, c.since, c.until, true, c.episode_id, c.subject_id, c.relationship_type, c.object_id, c.properties
    from change c
    where c.op = 'assert'
  ),
  marked as (
    select p.*, (lag(p.valid_to) over w, lag(p.properties) over w) is not distinct from
      (p.valid_from, p.properties) as goes_on
    from piece p
    window w as (partition by p.ordinal order by p.valid_from)
  ),
  numbered as (
    select m.*, count(*) filter (where not m.goes_on) over (partition by m.ordinal order by m.valid_from) as place
    from marked m
  ),
  stretch as materialized (
    select n.ordinal, n.id, n.subject_id, n.relationship_type, n.object_id, n.properties, min(n.valid_from) as valid_from, max(n.valid_to) as valid_to,
      (array_agg(n.episode_id order by n.is_new desc, n.valid_from))[1] as episode_id
    from numbered n
    group by n.ordinal, n.id, n.place, n.subject_id, n.relationship_type, n.object_id, n.properties
  ),
  ended as materialized (
    select t.ordinal, t.place
    from touched t
    where not exists (
      select from stretch s
      where s.ordinal = t.ordinal and s.valid_from = t.valid_from and s.valid_to = t.valid_to and s.properties = t.properties
    )
  ),
  begun as materialized (
    select s.*
    from stretch s
    where not exists (
      select from touched t
      where t.ordinal = s.ordinal and t.valid_from = s.valid_from and t.valid_to = s.valid_to and t.properties = s.properties
    )
  )
  select
    (select array_agg(e.place order by e.place) from ended e),
    (select array_agg(row(v_tenant, b.id, 'infinity', b.valid_from, b.valid_to, p_time, b.episode_id, b.subject_id, b.relationship_type, b.object_id, b.properties)::memory.relationship_versions order by b.id, b.valid_from) from begun b),
    array(select e.ordinal from ended e union select b.ordinal from begun b),
    (
      select min(c.ordinal) from change c
      where c.op = 'correct'
        and not exists (select from touched t where t.ordinal = c.ordinal and t.valid_from < t.until and t.valid_to > t.since)
    )
  into v_ended, v_begun, v_changed, v_unknown;
  if v_unknown is not null then
    raise exception 'nothing is known of the relationship over that time, so there is nothing to correct'
      using errcode = 'PF031', column = format('%s[%s].objectId', coalesce(p_field, 'relationships'), v_unknown - 1);
  end if;

  if v_ended is not null then
    -- Where they lie cannot change: whoever writes them has to lock the head that is locked here.
    delete from memory.relationship_versions v where v.ctid = any (v_ended) and v.tenant_id = v_tenant and v.recorded_at = p_time;
    update memory.relationship_versions v set superseded_at = p_time
    where v.ctid = any (v_ended) and v.tenant_id = v_tenant and v.superseded_at >= 'infinity';
  end if;
  insert into memory.relationship_versions (tenant_id, relationship_id, valid_from, valid_to, recorded_at, episode_id, subject_id, relationship_type, object_id, properties)
  select v_tenant, b.relationship_id, b.valid_from, b.valid_to, p_time, b.episode_id, b.subject_id, b.relationship_type, b.object_id, b.properties
  from unnest(v_begun) as b;
  return query
  select x.ordinal, x.ordinal = any (v_changed) from jsonb_to_recordset(p_changes) as x(ordinal integer);
end
$$;
comment on function memory.change_relationships(jsonb, timestamptz, text) is 'Applies changes of relationships at one transaction time; the inner half of memory.apply_changes.';
revoke all on function memory.change_relationships(jsonb, timestamptz, text) from public;
grant execute on function memory.change_relationships(jsonb, timestamptz, text) to pgfleet_app;
