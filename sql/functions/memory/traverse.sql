-- memory.traverse(tenant, traversals): the entities that can be reached from one, nearest first, each once: no cycle is
-- followed. traversals: a jsonb array of
--   id uuid: where it starts;  depth integer: most relationships in a row;  max_rows integer: most entities returned
--   budget integer: most relationships followed;  direction text: out | in | both;  types text[]: absent means any
--   valid_at, known_at timestamptz: as in memory.get_entities
-- returns one row a traversal: nodes in the order they were reached, each with its depth, the place of the one it was
-- reached from (0 is the start), the relationship between them, and the entity; and whether there were more than max_rows.
-- Work is bounded: a hub's relationships are read only as far as rows are wanted.
-- Errors: PF030 the start is unknown; PF033 the budget was spent before the traversal came to its end.
create or replace function memory.traverse(p_tenant text, p_traversals jsonb)
returns table (ordinal integer, nodes jsonb, truncated boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set timezone = 'UTC'
as $$
#variable_conflict use_column
declare
  v_request record;
  v_at timestamptz;
  v_known timestamptz;
  v_since timestamptz;
  v_ids uuid[];
  v_depths integer[];
  v_parents integer[];
  v_relationships uuid[];
  v_types text[];
  v_directions text[];
  v_found record;
  v_followed integer;
  v_left integer;
  v_limit integer;
  v_take integer;
  v_first integer;
  v_last integer;
  v_from integer;
  v_to integer;
  v_slice integer;
begin
  perform platform.enter(p_tenant);
  for v_request in
    select x.* from rows from (
      jsonb_to_recordset(p_traversals) as (id uuid, depth integer, max_rows integer, budget integer, direction text, types text[],
        valid_at timestamptz, known_at timestamptz)
    ) with ordinality as x
    order by x.ordinality
  loop
    v_at := coalesce(v_request.valid_at, v_request.known_at, statement_timestamp());
    v_known := coalesce(v_request.known_at, 'infinity');
    v_since := coalesce(v_request.known_at + interval '1 microsecond', 'infinity');
    perform from memory.entities e where e.tenant_id = p_tenant and e.entity_id = v_request.id;
    if not found then
      raise exception 'the tenant has no entity %', v_request.id using errcode = 'PF030', column = 'id';
    end if;
    -- The start is at place 1 of the arrays, and at 0 of the answer.
    v_ids := array[v_request.id];
    v_depths := array[0];
    v_parents := array[null::integer];
    v_relationships := array[null::uuid];
    v_types := array[null::text];
    v_directions := array[null::text];
    v_followed := 0;
    truncated := false;
    v_first := 1;
    v_slice := 1;
    <<levels>>
    for v_depth in 1 .. v_request.depth loop
      v_last := cardinality(v_ids);
      exit levels when v_first > v_last;
      v_from := v_first;
      while v_from <= v_last loop
        -- A few at a time, fewer where they have many relationships, so that not much more is read than is wanted.
        v_to := least(v_from + v_slice - 1, v_last);
        v_left := v_request.max_rows + 1 - cardinality(v_ids);
        v_limit := v_left + 1;
        loop
          with edge as materialized (
            select f.place, e.*
            from unnest(v_ids[v_from:v_to]) with ordinality as f(id, place)
            cross join lateral (
              (
                select v.object_id as neighbour, v.relationship_id, v.relationship_type, 'out' as direction
                from memory.relationship_versions v
                where v_request.direction <> 'in' and v.tenant_id = p_tenant and v.subject_id = f.id
                  and v.superseded_at >= v_since and v.recorded_at <= v_known and v.valid_from <= v_at and v.valid_to > v_at
                  and (v_request.types is null or v.relationship_type = any (v_request.types))
                  and v.object_id not in (select s.id from unnest(v_ids) as s(id))
                limit v_limit
              )
              union all
              (
                select v.subject_id, v.relationship_id, v.relationship_type, 'in'
                from memory.relationship_versions v
                where v_request.direction <> 'out' and v.tenant_id = p_tenant and v.object_id = f.id
                  and v.superseded_at >= v_since and v.recorded_at <= v_known and v.valid_from <= v_at and v.valid_to > v_at
                  and (v_request.types is null or v.relationship_type = any (v_request.types))
                  and v.subject_id not in (select s.id from unnest(v_ids) as s(id))
                limit v_limit
              )
            ) e
          ),
          reached as (
            select distinct on (e.neighbour) e.*
            from edge e
            order by e.neighbour, e.place, e.relationship_type, e.direction desc
          )
          select array_agg(r.neighbour order by r.place, r.relationship_type, r.neighbour) as ids,
            array_agg((r.place + v_from - 1)::integer order by r.place, r.relationship_type, r.neighbour) as parents,
            array_agg(r.relationship_id order by r.place, r.relationship_type, r.neighbour) as relationships,
            array_agg(r.relationship_type order by r.place, r.relationship_type, r.neighbour) as types,
            array_agg(r.direction order by r.place, r.relationship_type, r.neighbour) as directions,
            count(*)::integer as reached,
            (select count(*) from edge)::integer as followed,
            coalesce((select max(p.count) from (select count(*) from edge e group by e.place, e.direction) p), 0) as most
          into v_found
          from reached r;
          -- One node's relationships were cut off, and several of them led to the same: once more, with all of them.
          exit when v_found.reached > v_left or v_found.most < v_limit or v_limit > v_request.budget;
          v_limit := v_request.budget + 1;
        end loop;
        v_followed := v_followed + v_found.followed;
        if v_followed > v_request.budget then
          raise exception 'the traversal has followed more than % relationships', v_request.budget
            using errcode = 'PF033', column = 'budget';
        end if;
        if v_found.reached > 0 then
          v_take := least(v_left, v_found.reached);
          v_ids := v_ids || v_found.ids[1:v_take];
          v_depths := v_depths || array_fill(v_depth, array[v_take]);
          v_parents := v_parents || v_found.parents[1:v_take];
          v_relationships := v_relationships || v_found.relationships[1:v_take];
          v_types := v_types || v_found.types[1:v_take];
          v_directions := v_directions || v_found.directions[1:v_take];
          if v_found.reached > v_left then
            truncated := true;
            exit levels;
          end if;
        end if;
        v_from := v_to + 1;
        v_slice := case when v_found.followed < 256 then least(v_slice * 2, 64) else greatest(v_slice / 4, 1) end;
      end loop;
      v_first := v_last + 1;
    end loop;
    ordinal := v_request.ordinality;
    select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'depth', n.depth, 'parent', n.parent - 1, 'relationshipId', n.relationship_id,
      'relationshipType', n.type, 'direction', n.direction, 'entity', jsonb_build_object('id', v.entity_id, 'type', v.entity_type,
        'name', v.entity_name, 'properties', v.properties, 'validFrom', v.valid_from, 'validTo', v.valid_to,
        'recordedAt', v.recorded_at, 'supersededAt', v.superseded_at, 'episodeId', v.episode_id))
      order by n.place), '[]'::jsonb) into nodes
    from unnest(v_ids, v_depths, v_parents, v_relationships, v_types, v_directions) with ordinality
      as n(id, depth, parent, relationship_id, type, direction, place)
    cross join lateral (
      select v.* from memory.entity_versions v
      where v.tenant_id = p_tenant and v.entity_id = n.id and v.superseded_at >= v_since and v.recorded_at <= v_known
        and v.valid_from <= v_at and v.valid_to > v_at
      -- Backwards: what began last before that moment is most often it.
      order by v.superseded_at desc, v.valid_from desc
      limit 1
    ) v
    where n.place > 1;
    return next;
  end loop;
end
$$;
comment on function memory.traverse(text, jsonb) is 'The entities that can be reached from one, nearest first, at a point of both times.';
revoke all on function memory.traverse(text, jsonb) from public;
grant execute on function memory.traverse(text, jsonb) to pgfleet_app;
