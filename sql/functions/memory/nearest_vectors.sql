-- memory.nearest_vectors(tenant, shape, ordinals, embeddings): the k nearest vectors of each embedding, for searches of one
-- shape; the inner half of memory.search_vectors and memory.search_hybrid, called inside the tenant. shape: as in
-- memory.search_vectors, its threshold aside. Returns k rows an embedding wherever k rows exist that meet the conditions.
--
-- How: see memory.vector_scan. The settings of the index hold for the transaction; every search sets its own. How much is
-- looked at follows the table, as last counted by ANALYZE or VACUUM:
--   the candidates that an accuracy stands for are those of 100,000 rows, and follow the cube root of the rows (down to those
--   of 10,000): by about so much more or less has to be looked at for the same recall;
--   a tenant of n of N rows is compared one by one up to n = sqrt(k N), exact_rows at most: there the index looks at as
--   many, on its way to k of the tenant's.
-- Errors: PF020 there is no table of that dimension, PF005 (memory.filter_expression).
create or replace function memory.nearest_vectors(p_tenant text, p_shape jsonb, p_ordinals integer[], p_embeddings text[])
returns table (
  ordinal integer, distance double precision, scope text, vector_id uuid, metadata jsonb, content text,
  event_time timestamptz, expires_at timestamptz, created_at timestamptz, updated_at timestamptz, embedding text
)
language plpgsql volatile
set search_path = pg_catalog, extensions, public, pg_temp
set enable_seqscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  v_dimensions integer := (p_shape ->> 'dimensions')::integer;
  v_scope text := p_shape ->> 'scope';
  v_k integer := coalesce((p_shape ->> 'k')::integer, 10);
  v_accuracy text := coalesce(p_shape ->> 'accuracy', 'balanced');
  v_settings memory.vector_dimensions;
  v_exact_rows integer;
  v_rows double precision;
  v_candidates double precision;
begin
  perform platform.enter(p_tenant);
  select * into v_settings from memory.vector_dimensions d where d.dimensions = v_dimensions;
  if not found then
    raise exception 'there is no table of vectors of % dimensions: pgfleet vectors add-dimension % makes it', v_dimensions, v_dimensions
      using errcode = 'PF020', column = format('searches[%s].embedding', p_ordinals[1] - 1);
  end if;
  -- Null while nobody has counted.
  v_rows := (select nullif(c.reltuples, -1) from pg_class c where c.oid = to_regclass('memory.vectors_' || v_dimensions));
  v_candidates := case v_accuracy when 'fast' then v_settings.ef_search_fast else v_settings.ef_search_balanced end
    * case when v_rows is null then 1 else cbrt(greatest(v_rows, 10000) / 100000) end;
  perform
    set_config('hnsw.ef_search', least(1000, greatest(v_k, coalesce((p_shape ->> 'ef_search')::integer, ceil(v_candidates)::integer)))::text, true),
    set_config('hnsw.iterative_scan', 'relaxed_order', true),
    set_config('hnsw.max_scan_tuples', v_settings.max_scan_tuples::text, true);
  v_exact_rows := case when v_accuracy <> 'exact' then greatest(v_k, least(v_settings.exact_rows, coalesce(ceil(sqrt(v_k * v_rows)), v_settings.exact_rows))) end;
  if p_shape ?| '{filter,event_from,event_to,created_from,created_to,include_embedding}' then
    return query execute memory.vector_scan(v_dimensions, v_settings.element_type, memory.search_condition(p_shape), v_scope is not null,
      'v.scope, v.vector_id, v.metadata, v.content, v.event_time, v.expires_at, v.created_at, v.updated_at, '
        || case when (p_shape ->> 'include_embedding')::boolean then 'v.embedding::text' else 'null::text' end || ' as embedding')
    using p_tenant, v_scope, p_ordinals, p_embeddings, v_k, v_exact_rows;
  else
    return query execute format('select * from memory.scan_vectors_%s($1, $2, $3, $4, $5, $6)', v_dimensions)
    using p_tenant, v_scope, p_ordinals, p_embeddings, v_k, v_exact_rows;
  end if;
end
$$;
comment on function memory.nearest_vectors(text, jsonb, integer[], text[]) is 'The nearest vectors of many embeddings, by index or exactly; the inner half of vector searches.';
revoke all on function memory.nearest_vectors(text, jsonb, integer[], text[]) from public;
grant execute on function memory.nearest_vectors(text, jsonb, integer[], text[]) to pgfleet_app;
