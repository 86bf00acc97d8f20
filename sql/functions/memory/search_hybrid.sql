-- memory.search_hybrid(tenant, searches): the vectors that are near to an embedding and whose content has the words of a
-- text, the two lists fused by weighted reciprocal rank fusion (Cormack, Clarke & Buettcher 2009): a vector's score is the sum
-- over the lists of weight / (rank_constant + its rank there), ranks from 1. searches: as in memory.search_vectors, and
--   text: what is looked for;  match (all): all | any, see memory.match_texts
--   vector_weight, text_weight number (1): a list of weight 0 is left out;  rank_constant number (60)
--   candidates integer (the greater of 50 and 2 k): the length of each list
-- threshold is the least similarity of a candidate of the vector list; what the text alone found is not held against it.
-- returns one row a search that found any, with the vectors, the highest score first; ranks are null where a list lacks it.
-- Errors: those of memory.search_vectors.
create or replace function memory.search_hybrid(p_tenant text, p_searches jsonb)
returns table (ordinal integer, vectors jsonb)
language plpgsql volatile
set search_path = pg_catalog, extensions, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_shape jsonb;
  v_ordinals integer[];
  v_embeddings text[];
  v_texts text[];
  v_dimensions integer;
  v_type text;
  v_k integer;
  v_candidates integer;
  v_is_filtered boolean;
begin
  perform platform.enter(p_tenant);
  for v_shape, v_ordinals, v_embeddings, v_texts in
    select s.shape, array_agg(s.ordinal order by s.ordinal), array_agg(s.embedding order by s.ordinal), array_agg(s.text order by s.ordinal)
    from (
      select x.value - '{embedding,text}'::text[] as shape, x.ordinality::integer as ordinal, x.value ->> 'embedding' as embedding, x.value ->> 'text' as text
      from jsonb_array_elements(p_searches) with ordinality x
    ) s
    group by s.shape
  loop
    v_dimensions := (v_shape ->> 'dimensions')::integer;
    select d.element_type into v_type from memory.vector_dimensions d where d.dimensions = v_dimensions;
    if not found then
      raise exception 'there is no table of vectors of % dimensions: pgfleet vectors add-dimension % makes it', v_dimensions, v_dimensions
        using errcode = 'PF020', column = format('searches[%s].embedding', v_ordinals[1] - 1);
    end if;
    v_k := coalesce((v_shape ->> 'k')::integer, 10);
    v_candidates := coalesce((v_shape ->> 'candidates')::integer, greatest(50, 2 * v_k));
    v_is_filtered := v_shape ?| '{filter,event_from,event_to,created_from,created_to}';
    return query execute format('
      with item as materialized (
        select u.ordinal, u.embedding::%1$s as embedding, u.text from unnest($3, $4, $5) u(ordinal, embedding, text)
      ),
      vector_list as materialized (
        select n.ordinal, n.scope, n.vector_id, row_number() over (partition by n.ordinal order by n.distance, n.scope, n.vector_id) as rank
        from memory.nearest_vectors($1, $6, $3, $4) n
        where $7 > 0 and 1 - n.distance >= $8
      ),
      text_list as materialized (
        select t.ordinal, t.scope, t.vector_id, t.rank
        from (
          select i.ordinal, v.scope, v.vector_id,
            row_number() over (partition by i.ordinal order by m.rank desc, v.scope, v.vector_id) as rank
          from item i
          cross join lateral memory.match_texts($9, $2, i.text, $10, $11) m
          -- By key, however few rows the planner believes to be there: offset 0 keeps it from joining otherwise.
          cross join lateral (
            select v.scope, v.vector_id from memory.vectors_%2$s v
            where v.tenant_id = $1 and v.scope = m.scope and v.vector_id = m.vector_id and %3$s
            offset 0
          ) v
          where $12 > 0
        ) t
        where t.rank <= $13
      ),
      fused as (
        select f.* from (
          select ordinal, scope, vector_id, a.rank as vector_rank, b.rank as text_rank,
            coalesce($7 / ($14 + a.rank), 0) + coalesce($12 / ($14 + b.rank), 0) as score,
            row_number() over (partition by ordinal
              order by coalesce($7 / ($14 + a.rank), 0) + coalesce($12 / ($14 + b.rank), 0) desc, scope, vector_id) as place
          from vector_list a
          full join text_list b using (ordinal, scope, vector_id)
        ) f
        where f.place <= $15
      )
      select f.ordinal, jsonb_agg(jsonb_build_object(''id'', v.vector_id, ''scope'', v.scope, ''score'', f.score,
        ''similarity'', 1 - (v.embedding <=> i.embedding), ''vectorRank'', f.vector_rank, ''textRank'', f.text_rank,
        ''metadata'', v.metadata, ''content'', v.content, ''eventTime'', v.event_time, ''expiresAt'', nullif(v.expires_at, ''infinity''),
        ''createdAt'', v.created_at, ''updatedAt'', v.updated_at, ''embedding'', case when $16 then v.embedding::text end) order by f.place)
      from fused f
      join item i on i.ordinal = f.ordinal
      cross join lateral (
        select o.* from memory.vectors_%2$s o
        where o.tenant_id = $1 and o.scope = f.scope and o.vector_id = f.vector_id
        offset 0
      ) v
      group by f.ordinal', v_type, v_dimensions, memory.search_condition(v_shape))
    using p_tenant, v_shape ->> 'scope', v_ordinals, v_embeddings, v_texts, (v_shape - 'include_embedding') || jsonb_build_object('k', v_candidates),
      coalesce((v_shape ->> 'vector_weight')::double precision, 1), coalesce((v_shape ->> 'threshold')::double precision, '-infinity'),
      v_dimensions, coalesce(v_shape ->> 'match', 'all'), case when not v_is_filtered then v_candidates end,
      coalesce((v_shape ->> 'text_weight')::double precision, 1), v_candidates,
      coalesce((v_shape ->> 'rank_constant')::double precision, 60), v_k, coalesce((v_shape ->> 'include_embedding')::boolean, false);
  end loop;
end
$$;
comment on function memory.search_hybrid(text, jsonb) is 'Vectors by nearness and by the words of their content, fused by weighted reciprocal ranks.';
revoke all on function memory.search_hybrid(text, jsonb) from public;
grant execute on function memory.search_hybrid(text, jsonb) to pgfleet_app;
