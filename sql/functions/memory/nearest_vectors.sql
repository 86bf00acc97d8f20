-- memory.nearest_vectors(tenant, shape, ordinals, embeddings): the k nearest vectors of each embedding, for searches of one
-- shape; the inner half of memory.search_vectors and memory.search_hybrid, called inside the tenant. shape: as in
-- memory.search_vectors, its threshold aside. Returns k rows an embedding wherever k rows exist that meet the conditions.
--
-- Where the tenant, or the scope, holds few rows they are compared one by one: that is quicker than to look for them in an
-- index that all tenants share, and exact. Otherwise the index is scanned, on and on until k rows meet the conditions
-- (hnsw.iterative_scan); a scan that gives up at max_scan_tuples and comes back short is followed by the exact comparison.
-- The settings of the index hold for the transaction; every search sets its own.
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
  v_k integer := coalesce((p_shape ->> 'k')::integer, 10);
  v_accuracy text := coalesce(p_shape ->> 'accuracy', 'balanced');
  v_settings memory.vector_dimensions;
  v_table text;
  v_condition text := memory.search_condition(p_shape);
  v_columns text := 'v.scope, v.vector_id, v.metadata, v.content, v.event_time, v.expires_at, v.created_at, v.updated_at, '
    || case when (p_shape ->> 'include_embedding')::boolean then 'v.embedding::text' else 'null::text' end || ' as embedding';
  v_exact text;
begin
  select * into v_settings from memory.vector_dimensions d where d.dimensions = v_dimensions;
  if not found then
    raise exception 'there is no table of vectors of % dimensions: pgfleet vectors add-dimension % makes it', v_dimensions, v_dimensions
      using errcode = 'PF020', column = format('searches[%s].embedding', p_ordinals[1] - 1);
  end if;
  v_table := format('memory.vectors_%s', v_dimensions);
  -- The sum keeps the planner from the index.
  v_exact := format('
    select %1$s, v.embedding <=> i.embedding as distance
    from %2$s v
    where %3$s
    order by (v.embedding <=> i.embedding) + 0
    limit %4$s', v_columns, v_table, v_condition, v_k);
  if v_accuracy = 'exact' then
    return query execute format('
      select i.ordinal, n.distance, n.scope, n.vector_id, n.metadata, n.content, n.event_time, n.expires_at, n.created_at, n.updated_at, n.embedding
      from (select u.ordinal, u.embedding::%1$s as embedding from unnest($3, $4) u(ordinal, embedding) offset 0) i
      cross join lateral (%2$s) n', v_settings.element_type, v_exact)
    using p_tenant, p_shape ->> 'scope', p_ordinals, p_embeddings;
    return;
  end if;
  perform
    set_config('hnsw.ef_search', least(1000, greatest(v_k,
      coalesce((p_shape ->> 'ef_search')::integer, case v_accuracy when 'fast' then v_settings.ef_search_fast else v_settings.ef_search_balanced end)))::text, true),
    set_config('hnsw.iterative_scan', 'relaxed_order', true),
    set_config('hnsw.max_scan_tuples', v_settings.max_scan_tuples::text, true);
  return query execute format('
    with item as materialized (
      select u.ordinal, u.embedding::%1$s as embedding from unnest($3, $4) u(ordinal, embedding)
    ),
    probe as materialized (
      select count(*) > %5$s as is_large from (select from %2$s v where v.tenant_id = $1 %6$s limit %5$s + 1) c
    ),
    near as materialized (
      select i.ordinal, n.*
      from item i
      cross join lateral (
        select %7$s, v.embedding <=> i.embedding as distance
        from %2$s v
        where %3$s
        order by v.embedding <=> i.embedding
        limit %4$s
      ) n
      where (select p.is_large from probe p)
    ),
    short as materialized (
      select i.ordinal, i.embedding from item i where (select count(*) from near n where n.ordinal = i.ordinal) < %4$s
    )
    select n.ordinal, n.distance, n.scope, n.vector_id, n.metadata, n.content, n.event_time, n.expires_at, n.created_at, n.updated_at, n.embedding
    from near n
    where n.ordinal not in (select s.ordinal from short s)
    union all
    select i.ordinal, n.distance, n.scope, n.vector_id, n.metadata, n.content, n.event_time, n.expires_at, n.created_at, n.updated_at, n.embedding
    from short i
    cross join lateral (%8$s) n',
    v_settings.element_type, v_table, v_condition, v_k, greatest(v_settings.exact_rows, v_k),
    case when p_shape ->> 'scope' is null then '' else 'and v.scope = $2' end, v_columns, v_exact)
  using p_tenant, p_shape ->> 'scope', p_ordinals, p_embeddings;
end
$$;
comment on function memory.nearest_vectors(text, jsonb, integer[], text[]) is 'The nearest vectors of many embeddings, by index or exactly; the inner half of vector searches.';
revoke all on function memory.nearest_vectors(text, jsonb, integer[], text[]) from public;
grant execute on function memory.nearest_vectors(text, jsonb, integer[], text[]) to pgfleet_app;
