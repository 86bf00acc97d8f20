-- memory.search_vectors(tenant, searches): the vectors nearest to each of many, by cosine distance.
--
-- searches: a jsonb array of objects
--   embedding text, like '[0.1,0.2]'; dimensions integer: how many it has
--   k integer (10): most vectors returned;  threshold number: least similarity, in [-1, 1]
--   scope text: of that scope alone;  filter: on the metadata, see memory.filter_expression
--   event_from, event_to, created_from, created_to timestamptz: half-open ranges [from, to)
--   accuracy (balanced): fast | balanced | exact;  ef_search integer: instead of what accuracy stands for
--   include_embedding bool (false)
-- returns one row a search that found any, with the vectors, the most similar first. similarity = 1 - cosine distance.
-- Searches that differ in their embedding alone are one scan each of one statement.
-- Errors: PF001..PF003 (platform.enter), PF020, PF005 (memory.nearest_vectors).
create or replace function memory.search_vectors(p_tenant text, p_searches jsonb)
returns table (ordinal integer, vectors jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shape jsonb;
  v_ordinals integer[];
  v_embeddings text[];
begin
  perform platform.enter(p_tenant);
  for v_shape, v_ordinals, v_embeddings in
    select s.shape, array_agg(s.ordinal order by s.ordinal), array_agg(s.embedding order by s.ordinal)
    from (
      select x.value - 'embedding' as shape, x.ordinality::integer as ordinal, x.value ->> 'embedding' as embedding
      from jsonb_array_elements(p_searches) with ordinality x
    ) s
    group by s.shape
  loop
    return query
    select n.ordinal, jsonb_agg(jsonb_build_object('id', n.vector_id, 'scope', n.scope, 'similarity', 1 - n.distance,
      'metadata', n.metadata, 'content', n.content, 'eventTime', n.event_time, 'expiresAt', nullif(n.expires_at, 'infinity'),
      'createdAt', n.created_at, 'updatedAt', n.updated_at, 'embedding', n.embedding) order by n.distance, n.scope, n.vector_id)
    from memory.nearest_vectors(p_tenant, v_shape, v_ordinals, v_embeddings) n
    where 1 - n.distance >= coalesce((v_shape ->> 'threshold')::double precision, '-infinity')
    group by n.ordinal;
  end loop;
end
$$;
comment on function memory.search_vectors(text, jsonb) is 'The nearest vectors of many embeddings: filtered, by scope and time, over a threshold.';
revoke all on function memory.search_vectors(text, jsonb) from public;
grant execute on function memory.search_vectors(text, jsonb) to pgfleet_app;
