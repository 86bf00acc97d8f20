-- memory.find_entities(searches): the inner half of memory.search_entities. Runs as pgfleet_search, whose policy lets it read
-- entities without the tenant's: under that policy conditions that are not leakproof, as @@ and %>, may not use an index.
-- It carries the tenant predicate itself, takes the tenant from platform.enter alone, and refuses without one.
do $$
begin
  -- It belongs to pgfleet_search, whose members may drop it, but not replace it.
  if to_regprocedure('memory.find_entities(jsonb)') is not null then
    set local role pgfleet_search;
    drop function memory.find_entities(jsonb);
    set local role pgfleet_owner;
  end if;
end
$$;
create or replace function memory.find_entities(p_searches jsonb)
returns table (ordinal integer, entities jsonb)
language plpgsql volatile security definer
set search_path = pg_catalog, extensions, public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set timezone = 'UTC'
as $$
#variable_conflict use_column
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
begin
  if coalesce(v_tenant, '') = '' then
    raise exception 'no tenant was entered' using errcode = 'PF001';
  end if;
  perform set_config('pg_trgm.word_similarity_threshold', '0.5', true);
  -- Each source ranks what it found, and the ranks are fused (reciprocal rank fusion, Cormack et al. 2009): a further source,
  -- such as vectors, would be one more arm. A source ranks 2,000 matches at most, those of all words before those of any.
  -- Tenant and valid time are written as expressions, and the transaction time as the sources' indexes have it, so that no
  -- other index than the source's own can be taken.
  return query
  select x.ordinality::integer, found.list
  from rows from (
    jsonb_to_recordset(p_searches) as (query text, type text, valid_at timestamptz, max_results integer,
      text_weight double precision, name_weight double precision)
  ) with ordinality as x
  cross join lateral (
    select w.every_word, nullif(replace(w.every_word::text, ' & ', ' | '), '')::tsquery as any_word,
      coalesce(x.valid_at, statement_timestamp()) as valid_at
    from (select plainto_tsquery('simple', x.query) || plainto_tsquery('english', x.query) as every_word) w
  ) q
  cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('score', f.score, 'entity', jsonb_build_object('id', v.entity_id,
      'type', v.entity_type, 'name', v.entity_name, 'properties', v.properties, 'validFrom', v.valid_from,
      'validTo', v.valid_to, 'recordedAt', v.recorded_at,
      'supersededAt', v.superseded_at, 'episodeId', v.episode_id)) order by f.score desc, f.entity_id), '[]'::jsonb) as list
    from (
      select r.entity_id, r.valid_from, sum(r.weight / (60 + r.rank)) as score
      from (
        select t.entity_id, t.valid_from, coalesce(x.text_weight, 1) as weight,
          row_number() over (order by t.score desc, t.entity_id) as rank
        from (
          select m.entity_id, m.valid_from, max(ts_rank(m.search, q.any_word)) as score
          from (
            (
              select v.entity_id, v.valid_from, v.search
              from memory.entity_versions v
              where v.tenant_id || '' = v_tenant and v.superseded_at >= 'infinity' and v.search @@ q.every_word
                and (x.type is null or v.entity_type || '' = x.type)
                and v.valid_from + interval '0' <= q.valid_at and v.valid_to + interval '0' > q.valid_at
              limit 1000
            )
            union all
            (
              select v.entity_id, v.valid_from, v.search
              from memory.entity_versions v
              where v.tenant_id || '' = v_tenant and v.superseded_at >= 'infinity' and v.search @@ q.any_word
                and (x.type is null or v.entity_type || '' = x.type)
                and v.valid_from + interval '0' <= q.valid_at and v.valid_to + interval '0' > q.valid_at
              limit 1000
            )
          ) m
          group by m.entity_id, m.valid_from
        ) t
        where coalesce(x.text_weight, 1) > 0
        union all
        select n.entity_id, n.valid_from, coalesce(x.name_weight, 1),
          row_number() over (order by n.score desc, n.entity_id)
        from (
          -- Names that hold words like those asked for, the closest whole name first.
          select v.entity_id, v.valid_from, word_similarity(x.query, v.entity_name) + similarity(x.query, v.entity_name) as score
          from memory.entity_versions v
          where v.tenant_id || '' = v_tenant and v.superseded_at >= 'infinity' and v.entity_name %> x.query
            and (x.type is null or v.entity_type || '' = x.type)
            and v.valid_from + interval '0' <= q.valid_at and v.valid_to + interval '0' > q.valid_at
          limit 2000
        ) n
        where coalesce(x.name_weight, 1) > 0
      ) r
      group by r.entity_id, r.valid_from
      order by score desc, r.entity_id
      limit coalesce(x.max_results, 10)
    ) f
    cross join lateral (
      select o.* from memory.entity_versions o
      where o.tenant_id = v_tenant and o.entity_id = f.entity_id and o.superseded_at >= 'infinity' and o.valid_from = f.valid_from
      offset 0
    ) v
  ) found;
end
$$;
comment on function memory.find_entities(jsonb) is 'Entities by text and name, for the tenant that was entered; the inner half of memory.search_entities.';
revoke all on function memory.find_entities(jsonb) from public;
grant execute on function memory.find_entities(jsonb) to pgfleet_app;
do $$
begin
  if (select p.proowner::regrole::text from pg_proc p where p.oid = 'memory.find_entities(jsonb)'::regprocedure) <> 'pgfleet_search' then
    -- The new owner must be allowed to create in the schema for that moment.
    grant create on schema memory to pgfleet_search;
    alter function memory.find_entities(jsonb) owner to pgfleet_search;
    revoke create on schema memory from pgfleet_search;
  end if;
end
$$;
