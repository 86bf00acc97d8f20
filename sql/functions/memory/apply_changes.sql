-- memory.apply_changes(changes, time, step, field): applies changes in their order, what may be applied together at
-- once; the inner half of memory.change_graph and memory.record_episodes, which have locked what they touch. Changes of one
-- entity or relationship after each other are `step` apart in transaction time; with 0 they are one, and only the last of
-- them is ever believed. Returns one row a change.
-- Errors: PF030 and PF031 of memory.change_entities and memory.change_relationships; PF032 an entity to retract has
-- relationships over that time.
create or replace function memory.apply_changes(p_changes jsonb, p_time timestamptz, p_step interval, p_field text)
returns table (ordinal integer, id uuid, changed boolean, recorded_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_tenant constant text := current_setting('pgfleet.tenant');
  v_group record;
  v_time timestamptz := p_time;
  v_retracted record;
  v_attached jsonb;
  v_groups integer := 0;
begin
  -- Most often there is one.
  if jsonb_array_length(p_changes) = 1 and p_changes -> 0 ->> 'op' <> 'retract' and p_step > interval '0' then
    if p_changes -> 0 ->> 'kind' = 'entity' then
      return query
      select 1, (p_changes -> 0 ->> 'id')::uuid, c.changed, p_time
      from memory.change_entities(jsonb_set(p_changes, '{0,ordinal}', '1'), p_time, p_field) c;
    else
      return query
      select 1, coalesce((p_changes -> 0 ->> 'id')::uuid, memory.relationship_id((p_changes -> 0 ->> 'subject_id')::uuid,
        p_changes -> 0 ->> 'type', (p_changes -> 0 ->> 'object_id')::uuid)), c.changed, p_time
      from memory.change_relationships(jsonb_set(p_changes, '{0,ordinal}', '1'), p_time, p_field) c;
    end if;
    return;
  end if;
  for v_group in
    -- Runs of one kind, each dealt into rounds in which every key comes once.
    with change as (
      select x.ordinality, x.value, x.value ->> 'kind' as kind,
        case x.value ->> 'kind'
          when 'entity' then (x.value ->> 'id')::uuid
          else coalesce((x.value ->> 'id')::uuid,
            memory.relationship_id((x.value ->> 'subject_id')::uuid, x.value ->> 'type', (x.value ->> 'object_id')::uuid))
        end as id
      from jsonb_array_elements(p_changes) with ordinality as x(value, ordinality)
    ),
    run as (
      select c.*, c.ordinality - row_number() over (partition by c.kind order by c.ordinality) as run from change c
    ),
    dealt as (
      select r.*, row_number() over (partition by r.kind, r.run, r.id order by r.ordinality) as round from run r
    )
    select d.kind, jsonb_agg(d.value || jsonb_build_object('ordinal', d.ordinality) order by d.ordinality) as changes,
      array_agg(d.id order by d.ordinality) as ids, min(d.ordinality)::integer as first,
      bool_or(d.value ->> 'op' = 'retract') as retracts
    from dealt d
    group by d.kind, d.run, d.round
    order by min(min(d.ordinality)) over (partition by d.kind, d.run), d.round
  loop
    v_time := p_time + p_step * v_groups;
    v_groups := v_groups + 1;
    if v_group.kind = 'relationship' then
      return query
      select c.ordinal, coalesce(x.id, memory.relationship_id(x.subject_id, x.type, x.object_id)), c.changed, v_time
      from memory.change_relationships(v_group.changes, v_time, p_field) c
      join jsonb_to_recordset(v_group.changes) as x(ordinal integer, id uuid, subject_id uuid, type text, object_id uuid) on x.ordinal = c.ordinal;
      continue;
    end if;
    if v_group.retracts then
      for v_retracted in
        select x.ordinal, x.id, x.detach, x.valid_from, x.valid_to, x.episode_id
        from jsonb_to_recordset(v_group.changes) as x(ordinal integer, op text, id uuid, detach boolean, valid_from timestamptz,
          valid_to timestamptz, episode_id uuid)
        where x.op = 'retract'
        order by x.ordinal
      loop
        -- What stands on the entity over that time: goes with it, or keeps it.
        select jsonb_agg(jsonb_build_object('ordinal', 0, 'op', 'retract', 'subject_id', v.subject_id, 'type', v.relationship_type,
          'object_id', v.object_id, 'valid_from', v_retracted.valid_from, 'valid_to', v_retracted.valid_to)) into v_attached
        from (
          select v.subject_id, v.relationship_type, v.object_id
          from memory.relationship_versions v
          where v.tenant_id = v_tenant and v.subject_id = v_retracted.id and v.superseded_at >= 'infinity'
            and v.valid_from < coalesce(v_retracted.valid_to, 'infinity') and v.valid_to > coalesce(v_retracted.valid_from, '-infinity')
          union
          select v.subject_id, v.relationship_type, v.object_id
          from memory.relationship_versions v
          where v.tenant_id = v_tenant and v.object_id = v_retracted.id and v.superseded_at >= 'infinity'
            and v.valid_from < coalesce(v_retracted.valid_to, 'infinity') and v.valid_to > coalesce(v_retracted.valid_from, '-infinity')
        ) v;
        continue when v_attached is null;
        if v_retracted.detach is not true then
          raise exception 'entity % has % relationships over that time', v_retracted.id, jsonb_array_length(v_attached)
            using errcode = 'PF032', column = format('%s[%s].id', coalesce(p_field, 'entities'), v_retracted.ordinal - 1);
        end if;
        perform from memory.change_relationships(v_attached, v_time, p_field);
      end loop;
    end if;
    return query
    select c.ordinal, x.id, c.changed, v_time
    from memory.change_entities(v_group.changes, v_time, p_field) c
    join jsonb_to_recordset(v_group.changes) as x(ordinal integer, id uuid) on x.ordinal = c.ordinal;
  end loop;
  -- The next change has to be later than the last of these. What was locked just now at this time is so already.
  if v_time > p_time or p_step = interval '0' then
    update memory.entities e set changed_at = v_time
    from jsonb_to_recordset(p_changes) as x(kind text, id uuid)
    where e.tenant_id = v_tenant and x.kind = 'entity' and e.entity_id = x.id and e.changed_at < v_time;
    update memory.relationships r set changed_at = v_time
    from jsonb_to_recordset(p_changes) as x(kind text, id uuid, subject_id uuid, type text, object_id uuid)
    where r.tenant_id = v_tenant and x.kind = 'relationship'
      and r.relationship_id = coalesce(x.id, memory.relationship_id(x.subject_id, x.type, x.object_id)) and r.changed_at < v_time;
  end if;
end
$$;
comment on function memory.apply_changes(jsonb, timestamptz, interval, text) is 'Applies changes of the graph in their order; the inner half of memory.change_graph and memory.record_episodes.';
revoke all on function memory.apply_changes(jsonb, timestamptz, interval, text) from public;
grant execute on function memory.apply_changes(jsonb, timestamptz, interval, text) to pgfleet_app;
